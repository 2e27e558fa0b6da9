export interface Deferred {
  readonly promise: Promise<void>
  readonly resolve: () => void
}

export function deferred(): Deferred {
  const { promise, resolve } = Promise.withResolvers<void>()
  return { promise, resolve }
}
