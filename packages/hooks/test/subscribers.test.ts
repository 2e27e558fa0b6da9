import { createMemoryBack } from '@tidemark/core'
import { finalize, firstValueFrom, map, mergeMap, Observable, share, Subscription, take } from 'rxjs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createHooks, type HookError } from '../src/index.ts'
import { commit, commitNumbers, setting } from './support/writing.ts'

afterEach(() => vi.restoreAllMocks())

function open() {
  const back = createMemoryBack()
  const hooks = createHooks(back)
  const errors: HookError[] = []
  hooks.hookErrors$.subscribe((error) => errors.push(error))
  return { back, hooks, errors }
}

const boom = new Error('boom')
function explode(): never {
  throw boom
}

describe('a subscriber of writes$', () => {
  it('that throws goes on itself, starves nobody, and is reported', async () => {
    const { back, hooks, errors } = open()
    const [bad, good]: [number[], number[]] = [[], []]
    hooks.writes$.subscribe((change) => {
      bad.push(change.seq)
      explode()
    })
    hooks.writes$.subscribe({ next: (change) => good.push(change.seq) })
    await commitNumbers(back, 2)
    expect([bad, good]).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect(errors).toMatchObject([
      { kind: 'subscriber-failed', error: boom },
      { kind: 'subscriber-failed', error: boom },
    ])
    expect(errors.map((failure) => failure.change?.seq)).toEqual([1, 2])
  })

  it.each([
    [
      'at the end of a chain of operators',
      (source: Observable<unknown>) => source.pipe(map((x) => x)).subscribe(explode),
    ],
    [
      'inside an operator, without an error handler',
      (source: Observable<unknown>) => source.pipe(map(explode)).subscribe(),
    ],
    [
      'behind share()',
      (source: Observable<unknown>) =>
        source
          .pipe(share())
          .pipe(mergeMap((x) => [x]))
          .subscribe({ next: explode }),
    ],
    [
      'behind an operator of its own making',
      (source: Observable<unknown>) =>
        source.pipe((inner) => new Observable((subscriber) => inner.subscribe(subscriber))).subscribe(explode),
    ],
    ['in its error handler', (source: Observable<unknown>) => source.pipe(map(explode)).subscribe({ error: explode })],
    ['in its complete handler', (source: Observable<unknown>) => source.pipe(take(1)).subscribe({ complete: explode })],
  ])('that throws %s is reported', async (_, subscribe) => {
    const { back, hooks, errors } = open()
    const good: number[] = []
    subscribe(hooks.writes$)
    hooks.writes$.subscribe((change) => good.push(change.seq))
    await commitNumbers(back, 1)
    expect(good).toEqual([1])
    expect(errors).toMatchObject([{ kind: 'subscriber-failed', error: boom }])
  })

  it('that rejects is reported, and does not end the process', async () => {
    const { back, hooks, errors } = open()
    const reported = firstValueFrom(hooks.hookErrors$)
    // oxlint-disable-next-line typescript/no-misused-promises -- what users write all the same
    hooks.writes$.subscribe(async () => explode())
    await commitNumbers(back, 1)
    await reported
    expect(errors).toMatchObject([{ kind: 'subscriber-failed', error: boom }])
  })

  it('with an error handler gets the failure of its operators itself', async () => {
    const { back, hooks, errors } = open()
    const own: unknown[] = []
    hooks.writes$.pipe(map(explode)).subscribe({ error: (error) => own.push(error) })
    await commitNumbers(back, 2)
    expect(own).toEqual([boom])
    expect(errors).toEqual([])
  })

  it('whose teardown throws at close keeps nobody from completing', async () => {
    const { hooks } = open()
    const complete = vi.fn<() => void>()
    hooks.writes$.pipe(finalize(explode)).subscribe()
    hooks.writes$.subscribe({ complete })
    await hooks.close()
    expect(complete).toHaveBeenCalledOnce()
  })

  it('can unsubscribe itself or a later one in the middle of a delivery', async () => {
    const { back, hooks } = open()
    const seen: string[] = []
    const later = new Subscription()
    const first: Subscription = hooks.writes$.subscribe((change) => {
      seen.push(`first ${change.seq}`)
      first.unsubscribe()
      later.unsubscribe()
    })
    later.add(hooks.writes$.subscribe((change) => seen.push(`second ${change.seq}`)))
    hooks.writes$.subscribe((change) => seen.push(`third ${change.seq}`))
    await commit(back, setting('a', 1), setting('b', 2))
    expect(seen).toEqual(['first 1', 'third 1', 'third 2'])
  })

  it('keeps `this` of its observer', async () => {
    const { back, hooks } = open()
    class Collector {
      readonly seqs: number[] = []
      next({ seq }: { seq: number }): void {
        this.seqs.push(seq)
      }
    }
    const collector = new Collector()
    hooks.writes$.subscribe(collector)
    await commitNumbers(back, 1)
    expect(collector.seqs).toEqual([1])
  })
})

describe('a failure', () => {
  it('is printed, without any value, while nobody listens to hookErrors$', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {})
    const back = createMemoryBack()
    const hooks = createHooks(back)
    hooks.add('mail', explode)
    hooks.writes$.subscribe(explode)
    await commit(back, setting('a', 'secret'))
    expect(print.mock.calls).toEqual([
      [expect.stringContaining('a subscriber of writes$ failed at change 1'), boom],
      [expect.stringContaining('hook mail failed at change 1'), boom],
    ])
  })

  it('of a subscriber of hookErrors$ is printed, and ends there', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {})
    const { back, hooks, errors } = open()
    hooks.hookErrors$.subscribe(() => {
      throw new Error('of the handler')
    })
    hooks.add('mail', explode)
    await commitNumbers(back, 1)
    expect(errors).toHaveLength(1)
    expect(print).toHaveBeenCalledOnce()
  })
})
