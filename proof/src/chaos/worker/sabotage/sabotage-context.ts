/** What a sabotage may use. */
export interface SabotageContext {
  readonly redisUrl: string
  readonly keys: readonly string[]
  readonly seed: number
  readonly signal: AbortSignal
}
