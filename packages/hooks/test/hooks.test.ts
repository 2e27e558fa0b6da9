import { type Clock, createMemoryBack } from '@tidemark/core'
import { describe, expect, it, vi } from 'vitest'
import { createHooks, type HookBus, type HookError } from '../src/index.ts'
import { deferred } from './support/deferred.ts'
import { range } from './support/reading.ts'
import { commit, commitNumbers, setting } from './support/writing.ts'

function open(): { back: ReturnType<typeof createMemoryBack>; hooks: HookBus; errors: HookError[] } {
  const back = createMemoryBack()
  const hooks = createHooks(back)
  const errors: HookError[] = []
  hooks.hookErrors$.subscribe((error) => errors.push(error))
  return { back, hooks, errors }
}

describe('hooks', () => {
  it('a throwing or rejecting hook affects neither the writer nor anyone else, and is reported with its change', async () => {
    const { back, hooks, errors } = open()
    const good: number[] = []
    hooks.add('throws', () => {
      throw new Error('boom')
    })
    hooks.add('rejects', () => Promise.reject(new Error('later')))
    hooks.add('good', (change) => good.push(change.seq))
    await commitNumbers(back, 2)
    await hooks.idle()
    expect(good).toEqual([1, 2])
    expect(
      errors
        .map((failure) => (failure.kind === 'hook-failed' ? `${failure.hook} ${failure.change.seq}` : failure.kind))
        .toSorted((a, b) => a.localeCompare(b)),
    ).toEqual(['rejects 1', 'rejects 2', 'throws 1', 'throws 2'])
  })

  it('a slow hook gets its changes one at a time, in order, and holds nobody up', async () => {
    const { back, hooks } = open()
    const slow: string[] = []
    const fast: number[] = []
    const gates = [deferred(), deferred(), deferred()]
    hooks.add('slow', async (change) => {
      slow.push(`start ${change.seq}`)
      await gates[change.seq - 1]!.promise
      slow.push(`end ${change.seq}`)
    })
    hooks.add('fast', (change) => fast.push(change.seq))
    await commitNumbers(back, 3)
    expect(fast).toEqual([1, 2, 3])
    expect(slow).toEqual(['start 1'])
    for (const gate of gates.toReversed()) gate.resolve()
    await hooks.idle()
    expect(slow).toEqual(['start 1', 'end 1', 'start 2', 'end 2', 'start 3', 'end 3'])
  })

  it('writes made by hooks and subscribers come in seq order for everyone', async () => {
    const { back, hooks } = open()
    const seen: Record<string, number[]> = { first: [], second: [], hook: [] }
    const pending: Promise<unknown>[] = []
    hooks.writes$.subscribe((change) => {
      seen['first']!.push(change.seq)
      if (change.seq <= 20) pending.push(commit(back, setting(['again', change.seq], 0)))
    })
    hooks.add('writer', (change) => {
      seen['hook']!.push(change.seq)
      if (change.seq <= 20) pending.push(commit(back, setting(['hook', change.seq], 0)))
    })
    hooks.writes$.subscribe((change) => seen['second']!.push(change.seq))
    await commit(back, setting('a', 1), setting('b', 2), setting('c', 3))
    for (let done = 0; done < pending.length;) done += (await Promise.all(pending.slice(done))).length
    await hooks.idle()
    const all = range(1, await back.log.head())
    expect(all.length).toBe(43)
    expect(seen).toEqual({ first: all, second: all, hook: all })
  })

  it('keeps the order also when a source commits inside the delivery', async () => {
    const back = createMemoryBack()
    const [one, two] = [await commit(back, setting('a', 1)), await commit(back, setting('b', 2))]
    let emit: Parameters<typeof back.onCommit>[0] = () => {}
    const hooks = createHooks({
      onCommit: (listener) => {
        emit = listener
        return () => {}
      },
    })
    const second: number[] = []
    hooks.writes$.subscribe((change) => change.seq === 1 && emit([two]))
    hooks.writes$.subscribe((change) => second.push(change.seq))
    emit([one])
    await hooks.idle()
    expect(second).toEqual([1, 2])
  })

  it('a removed hook gets nothing any more, neither new changes nor those that waited for it', async () => {
    const { back, hooks } = open()
    const gate = deferred()
    const seen: number[] = []
    hooks.add('h', (change) => {
      seen.push(change.seq)
      return gate.promise
    })
    await commitNumbers(back, 3)
    expect(hooks.remove('h')).toBe(true)
    expect(hooks.remove('h')).toBe(false)
    gate.resolve()
    await commitNumbers(back, 1, 4)
    await hooks.idle()
    expect(seen).toEqual([1])
  })

  it('a hook that removes itself or a later one in the middle of a delivery takes effect at once', async () => {
    const { back, hooks } = open()
    const seen: string[] = []
    hooks.add('a', (change) => {
      seen.push(`a${change.seq}`)
      hooks.remove('a')
      hooks.remove('b')
    })
    hooks.add('b', (change) => seen.push(`b${change.seq}`))
    await commit(back, setting('x', 1), setting('y', 2))
    expect(seen).toEqual(['a1'])
  })

  it('a hook is called for what is committed after it was added', async () => {
    const { back, hooks } = open()
    const late: number[] = []
    hooks.add('adder', (change) => {
      if (change.seq === 1) hooks.add('late', ({ seq }) => late.push(seq))
    })
    await commit(back, setting('x', 1), setting('y', 2))
    await commit(back, setting('z', 3))
    expect(late).toEqual([3])
  })

  it('disconnects a hook that falls too far behind, and says what it missed', async () => {
    const { back, hooks, errors } = open()
    const gate = deferred()
    const [stuck, other]: [number[], number[]] = [[], []]
    hooks.add('stuck', (change) => (stuck.push(change.seq), gate.promise), { maxPending: 3 })
    hooks.add('other', (change) => other.push(change.seq))
    await commitNumbers(back, 4)
    expect(errors).toEqual([])
    await commitNumbers(back, 6, 5)
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ kind: 'hook-disconnected', reason: 'overflow', hook: 'stuck', missed: 4 })
    expect(errors[0]!.change?.seq).toBe(2)
    expect(hooks.remove('stuck')).toBe(false)
    gate.resolve()
    await hooks.idle()
    expect(stuck).toEqual([1])
    expect(other).toEqual(range(1, 10))
  })

  it('an id is taken once, unless it is replaced', async () => {
    const { back, hooks } = open()
    const seen: string[] = []
    hooks.add('h', () => seen.push('old'))
    expect(() => hooks.add('h', () => {})).toThrow(TypeError)
    hooks.add('h', () => seen.push('new'), { replace: true })
    await commitNumbers(back, 1)
    expect(seen).toEqual(['new'])
  })

  it('refuses misuse at once', () => {
    const { back, hooks } = open()
    expect(() => hooks.add('', () => {})).toThrow(TypeError)
    expect(() => hooks.add('x', 1 as never)).toThrow(TypeError)
    expect(() => hooks.add('x', () => {}, { maxPending: 0 })).toThrow(RangeError)
    expect(() => hooks.add('x', () => {}, { maxpending: 1 } as never)).toThrow(/maxpending/)
    expect(() => createHooks(back, { closeGraceMs: -1 })).toThrow(RangeError)
    expect(() => createHooks(back, { grace: 1 } as never)).toThrow(/grace/)
  })
})

describe('close', () => {
  it('delivers what was committed, waits for hooks, then completes everything', async () => {
    const { back, hooks } = open()
    const order: string[] = []
    hooks.writes$.subscribe({
      next: (change) => order.push(`write ${change.seq}`),
      complete: () => order.push('complete'),
    })
    hooks.hookErrors$.subscribe({ complete: () => order.push('errors complete') })
    const gate = deferred()
    hooks.add('slow', async (change) => {
      await gate.promise
      order.push(`hook ${change.seq}`)
    })
    const [first, second] = [commit(back, setting('a', 1)), commit(back, setting('b', 2))]
    await Promise.all([first, second])
    const closing = hooks.close()
    await commit(back, setting('c', 3))
    gate.resolve()
    await closing
    expect(order).toEqual(['write 1', 'write 2', 'hook 1', 'hook 2', 'complete', 'errors complete'])
  })

  it('is idempotent; afterwards add throws, remove finds nothing, idle resolves, and streams complete at once', async () => {
    const { hooks } = open()
    hooks.add('h', () => {})
    expect(hooks.close()).toBe(hooks.close())
    expect(() => hooks.add('i', () => {})).toThrow(expect.objectContaining({ code: 'CLOSED' }))
    await hooks.close()
    expect(hooks.remove('h')).toBe(false)
    await hooks.idle()
    const complete = vi.fn<() => void>()
    hooks.writes$.subscribe({ complete })
    hooks.hookErrors$.subscribe({ complete })
    expect(complete).toHaveBeenCalledTimes(2)
  })

  it('does not wait for ever for a hook that hangs', async () => {
    const timers: { delayMs: number; task: () => void }[] = []
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      schedule: (delayMs, task) => (timers.push({ delayMs, task }), () => {}),
      sleep: () => Promise.resolve(),
    }
    const back = createMemoryBack()
    const hooks = createHooks(back, { clock, closeGraceMs: 70 })
    const errors: HookError[] = []
    hooks.hookErrors$.subscribe((error) => errors.push(error))
    hooks.add('hangs', () => new Promise(() => {}))
    hooks.add('fine', () => {})
    await commitNumbers(back, 3)
    const closing = hooks.close()
    expect(timers.map((timer) => timer.delayMs)).toEqual([70])
    timers[0]!.task()
    await closing
    expect(errors).toHaveLength(1)
    expect(errors[0]).toMatchObject({ kind: 'hook-disconnected', reason: 'abandoned', hook: 'hangs', missed: 2 })
    expect(errors[0]!.change?.seq).toBe(2)
    await hooks.idle()
  })
})
