/** Where the platform can tell whether another process of the same machine is still there. */
export interface Presence {
  /** What identifies this process, as plain data. */
  describe(): object
  /** Whether the described one is known to be gone. When in doubt, it is not: its lease runs out anyway. */
  isGone(described: unknown): boolean
}

/** Nothing is known of anybody. */
export const noPresence: Presence = { describe: () => ({}), isGone: () => false }
