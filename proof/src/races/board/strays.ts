/** Errors that escaped from a product while it raced. */
export interface Strays {
  readonly errors: readonly unknown[]
  stop(): void
}

/**
 * Keeps a peer that lets an error escape from ending the scoreboard. Clients that nobody can give a listener write their
 * lost connections to the console: that is kept back too, since losing them is what some races are about.
 */
export function collectStrays(): Strays {
  const errors: unknown[] = []
  const collect = (error: unknown): void => void errors.push(error)
  const { error: print } = console
  console.error = () => {}
  process.on('unhandledRejection', collect)
  process.on('uncaughtException', collect)
  return {
    errors,
    stop() {
      console.error = print
      process.off('unhandledRejection', collect)
      process.off('uncaughtException', collect)
    },
  }
}
