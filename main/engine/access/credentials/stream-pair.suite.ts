import { Duplex } from 'node:stream'

/** For tests: two ends of one stream, each of which reads what the other writes. */
export function pair(): [Duplex, Duplex] {
  const ends: Duplex[] = []
  const make = (other: number): Duplex =>
    new Duplex({
      read: () => undefined,
      write: (chunk, _encoding, done) => {
        ends[other]?.push(chunk)
        done()
      },
      final: (done) => {
        ends[other]?.push(null)
        done()
      },
    })
  const [near, far] = [make(1), make(0)]
  ends.push(near, far)
  return [near, far]
}
