import type { Back, Proposal } from '@tidemark/core'

/** A back tier of a process that is stopped before each of its writes. A write that is refused is tried again at once. */
export function stoppedBefore(real: Back, stop: () => void): Back {
  let isRefused = false
  const stopped = async <T>(write: () => Promise<T>): Promise<T> => {
    if (!isRefused) stop()
    try {
      const done = await write()
      isRefused = false
      return done
    } catch (error) {
      isRefused = true
      throw error
    }
  }
  const { marks } = real
  const replaced: Partial<Record<keyof Back, unknown>> = {
    commit: (proposal: Proposal) => stopped(() => real.commit(proposal)),
    marks: {
      read: marks.read.bind(marks),
      scan: marks.scan.bind(marks),
      write: (...args: Parameters<typeof marks.write>) => stopped(() => marks.write(...args)),
    },
  }
  return new Proxy(real, {
    get(target, name) {
      if (name in replaced) return replaced[name as keyof Back]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}
