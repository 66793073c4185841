/** See graphemes.ts. 8192 is Node's own value. */
Buffer.poolSize = 8192
