import { describe, expect, it } from 'vitest'
import { doubtsOf } from './dockerfile-doubts'
import { imagesOf } from './dockerfile-images'

const written = (text: string) => doubtsOf(text).map(({ written: part }) => part.trim())

describe('doubtsOf', () => {
  it.each([
    ['a here-document that is a part of a word', 'FROM a\nRUN echo x<<EOF\nFROM evil\nRUN true \\\nEOF\n'],
    ['two carriage returns behind a continued line', 'FROM a\nRUN true \\\r\r\nFROM evil\n'],
    ['a form feed behind one', 'FROM a\nRUN true \\\f\nFROM evil\n'],
    ['a here-document of an ONBUILD', 'FROM a\nONBUILD RUN <<EOF\nFROM a AS evil\nEOF\nFROM evil\n'],
    ['a number that is no stage', 'FROM a\nCOPY --from=77 /x /y\n'],
  ])('is not needed for %s: the image is found', (_, text) => {
    const found = imagesOf(text, {}).map(({ image }) => image)
    expect(found.some((image) => image === 'evil' || image === '77')).toBe(true)
  })

  it.each([
    ['a line that ends with two', 'FROM a\nRUN echo a\\\\\nFROM evil\n', 'RUN echo a\\\\'],
    ['white space of other alphabets', 'FROM a\n\xe3\x80\x80FROM evil\n', '\xe3\x80\x80FROM evil'],
    ['a space that does not break', 'FROM a\n\xc2\xa0FROM evil\n', '\xc2\xa0FROM evil'],
    ['a quote within a name', 'FROM a\nCOPY --fr"om"=evil /x /y\n', '--fr"om"=evil'],
    ['a backslash within a name', 'FROM a\nCOPY --fr\\om=evil /x /y\n', '--fr\\om=evil'],
    ['a backslash within a mount', 'FROM a\nRUN --mount=target=/x\\ y,from=evil z\n', '--mount=target=/x\\'],
    ['two sources of a mount', 'FROM a\nRUN --mount=from=a,from=evil z\n', '--mount=from=a,from=evil'],
    ['a quote within a mount', 'FROM a\nRUN --mount=fr"om"=evil z\n', '--mount=fr"om"=evil'],
    ['quotes that are none', 'ARG B=evil\nARG X=\\" B=a Y=\\"\nFROM $B\n', 'ARG X=\\" B=a Y=\\"'],
    ['what the builder sets', 'ARG TARGETARCH=a\nFROM x/$TARGETARCH\n', 'FROM x/$TARGETARCH'],
    ['what is made of that', 'ARG TARGETOS=a\nARG B=${TARGETOS}\nFROM $B\n', 'ARG B=${TARGETOS}'],
    ['an unusual here-document', 'FROM a\nRUN cat <<E"O"F\nFROM a AS evil\nEOF\n', 'RUN cat <<E"O"F'],
    ['here-documents after an open quote', "FROM a\nRUN echo it's <<EOF\nEOF\n", "RUN echo it's <<EOF"],
    [
      'a here-document that is one for some builders alone',
      'FROM a\nRUN cat <<EOF\nFROM evil\nRUN true \\\nEOF\n',
      'RUN cat <<EOF',
    ],
    ['a carriage return within a line', 'FROM a\nRUN x\rFROM evil\n', 'RUN x\rFROM evil'],
    ['an escape behind something else', '# a=b\n# escape=`\nFROM a\nRUN x \\\nFROM b\n', '# escape=`'],
    ['an escape with something behind', '# escape=`x\nFROM a\n', '# escape=`x'],
    ['an instruction that nobody knows', 'FROM a\nINCLUDE evil\n', 'INCLUDE evil'],
  ])('tells of %s', (_, text, expected) => {
    expect(written(text)).toContain(expected)
  })

  it.each([
    [
      'an ordinary file',
      '# syntax=docker/dockerfile:1\n# check=skip=all\nARG V="1 2" W=\'x\'\nFROM a:$V AS b\n',
    ],
    [
      'a script',
      'FROM a\nRUN <<EOF\nfrom x import y\nRUN=1\nEOF\nCOPY --chown="1:1" <<-"E.F" /x\n\tRUN y\n\tE.F\n',
    ],
    ['a here-string and a shift', 'FROM a\nRUN cat <<< "x" && echo $((1 << 2)) "a <<EOF"\n'],
    ['continued lines', 'FROM a\r\nRUN a && \\\r\n    # why\r\n\r\n    sed "s/\\\\$/x/" \\ \t\r\n  b\r\n'],
    ['paths of Windows', '# escape=`\nFROM a\nRUN dir C:\\\\\nRUN dir `\n C:\\\n'],
    ['a line that ends with two and is continued', 'FROM a\nRUN printf "a\\\\\nb"\n'],
    ['mounts', 'FROM a\nRUN --mount=type=secret,id=x,target="/a b" --mount=type=bind,"from=b" y\n'],
  ])('is silent about %s', (_, text) => {
    expect(written(text)).toEqual([])
  })

  it.each([
    ['here-documents without an end', `FROM a\n${'RUN <<A\n'.repeat(50_000)}`],
    ['here-documents', `FROM a\n${'RUN <<A\nx\nA\n'.repeat(60_000)}`],
    ['names that nobody knows', 'x\\\\\n'.repeat(50_000)],
    ['comments', '# escape\n'.repeat(50_000)],
  ])('ends soon for many %s', (_, text) => {
    expect(doubtsOf(text).length).toBeLessThanOrEqual(20)
  })
})
