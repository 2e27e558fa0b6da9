import { afterTurn } from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ProcessClock, runInVirtualTime, VirtualClock } from '../../src/index.ts'

describe('virtual time', () => {
  it('runs what is due in the order of its time, and then of its scheduling', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 20 }), { maxLength: 60 }), (delays) => {
        const clock = new VirtualClock()
        const ran: (readonly [number, number])[] = []
        for (const [i, delay] of delays.entries()) clock.schedule(delay, () => ran.push([clock.monotonic(), i]))
        while (clock.step());
        const expected = delays.map((delay, i) => [delay, i] as const).toSorted((a, b) => a[0] - b[0] || a[1] - b[1])
        expect(ran).toEqual(expected)
      }),
    )
  })

  it('leaves out what was cancelled, and takes in what is scheduled on the way', () => {
    const clock = new VirtualClock()
    const ran: string[] = []
    const cancel = clock.schedule(5, () => ran.push('cancelled'))
    clock.schedule(1, () => {
      ran.push('first')
      cancel()
      clock.schedule(1, () => ran.push('second'))
    })
    while (clock.step());
    expect(ran).toEqual(['first', 'second'])
    expect(clock.monotonic()).toBe(2)
  })

  it('goes on only when nothing else can happen', async () => {
    const clock = new VirtualClock()
    const work = async (): Promise<number[]> => {
      const times: number[] = []
      clock.schedule(1, () => times.push(-1))
      for (let i = 0; i < 20; i++) await Promise.resolve()
      await new Promise<void>(afterTurn)
      times.push(clock.monotonic())
      await clock.sleep(10)
      return [...times, clock.monotonic()]
    }
    expect(await runInVirtualTime(clock, work(), 100)).toEqual([0, -1, 10])
  })

  it('fails when nothing is left to wait for, and when it takes too long', async () => {
    const never = new Promise<void>(() => {})
    await expect(runInVirtualTime(new VirtualClock(), never, 100)).rejects.toThrow('nothing is left')
    const clock = new VirtualClock()
    const again = (): void => void clock.schedule(10, again)
    again()
    await expect(runInVirtualTime(clock, never, 100)).rejects.toThrow('not done within 100 ms')
  })

  it('passes a process by that is stopped, which catches up in order when it goes on', () => {
    const clock = new VirtualClock()
    const process = new ProcessClock(clock, 500)
    const ran: string[] = []
    for (const ms of [30, 10, 20]) process.schedule(ms, () => ran.push(`${ms} at ${clock.monotonic()}`))
    const cancel = process.schedule(15, () => ran.push('cancelled'))
    clock.schedule(5, () => process.stop())
    clock.schedule(25, () => {
      cancel()
      process.resume()
    })
    while (clock.step());
    expect(ran).toEqual(['10 at 25', '20 at 25', '30 at 30'])
    expect(process.now() - clock.now()).toBe(500)
  })

  it('ends for a process that is dead', () => {
    const clock = new VirtualClock()
    const process = new ProcessClock(clock)
    let ran = 0
    process.schedule(10, () => ran++)
    process.stop()
    clock.schedule(20, () => process.end())
    clock.schedule(30, () => process.resume())
    while (clock.step());
    expect(ran).toBe(0)
  })
})
