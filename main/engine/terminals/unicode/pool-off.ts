/** See graphemes.ts. */
Buffer.poolSize = 0
