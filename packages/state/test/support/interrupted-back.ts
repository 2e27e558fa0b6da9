import type { Back } from '@tidemark/core'

export interface InterruptedBack {
  readonly back: Back
  /** How many times it was asked for something. */
  readonly calls: () => number
}

/**
 * A back tier of a process that is stopped once, while others go on: right before its call of this number, or when that is
 * done and its answer is on the way.
 */
export function interruptedBack(
  real: Back,
  {
    at,
    isBefore,
    meanwhile,
  }: { readonly at: number; readonly isBefore: boolean; readonly meanwhile: () => Promise<void> },
): InterruptedBack {
  let calls = 0
  const interrupted =
    (call: (...args: unknown[]) => unknown) =>
    async (...args: unknown[]): Promise<unknown> => {
      const isNow = calls++ === at
      if (isNow && isBefore) await meanwhile()
      const settled = await Promise.resolve(call(...args)).then(
        (value) => () => value,
        (error: unknown) => () => {
          throw error
        },
      )
      if (isNow && !isBefore) await meanwhile()
      return settled()
    }
  const around = <T extends object>(target: T, names: readonly (keyof T)[]): T =>
    new Proxy(target, {
      get(_target, name) {
        const value: unknown = Reflect.get(target, name, target)
        if (typeof value !== 'function') return value
        const bound = value.bind(target) as (...args: unknown[]) => unknown
        return names.includes(name as keyof T) ? interrupted(bound) : bound
      },
    })
  const marks = around(real.marks, ['read', 'scan', 'write'])
  const leases = around(real.leases, ['acquire', 'renew', 'release'])
  const tier = around(real, ['commit', 'read', 'scan'])
  const back = new Proxy(tier, {
    get(target, name) {
      if (name === 'marks') return marks
      return name === 'leases' ? leases : (Reflect.get(target, name) as unknown)
    },
  })
  return { back, calls: () => calls }
}
