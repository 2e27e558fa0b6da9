import { createHash } from 'node:crypto'

/** A Lua script as the server knows it. */
export interface Script {
  readonly source: string
  /** What EVALSHA calls it by. */
  readonly sha: string
}

export function defineScript(source: string): Script {
  const text = source.trim()
  return Object.freeze({ source: text, sha: createHash('sha1').update(text).digest('hex') })
}
