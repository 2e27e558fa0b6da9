import { setTimeout } from 'node:timers/promises'

/** Calls `some` about every millisecond with what is due by then of `times` numbers from `first` on. */
export async function atPace(
  { first, times, perSecond }: { readonly first: number; readonly times: number; readonly perSecond: number },
  some: (numbers: readonly number[]) => void,
): Promise<void> {
  const startedAt = performance.now()
  for (let done = 0; ; await setTimeout(1)) {
    const due = Math.min(times, Math.floor(((performance.now() - startedAt) * perSecond) / 1_000) + 1)
    const from = done
    if (due > from) some(Array.from({ length: due - from }, (_, i) => first + from + i))
    done = due
    if (done >= times) return
  }
}
