import { describe, expect, it } from 'vitest'
import { eventually, Fleet, laneKeyOf } from '../support/fleet.ts'
import { range } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'

describe('a member that is killed', { timeout: 120_000 }, () => {
  it.each(['die-before', 'die-after', 'die-committed'])('%s: same-database effects happen once', async (how) => {
    await using store = await tempStore()
    const fleet = new Fleet(store, { lanes: 2, batch: 3, transaction: true })
    await fleet.write(40, 5)
    await using first = fleet.spawn({ seq: 20, how })
    expect(await first.over()).toBe('SIGKILL')
    await using second = fleet.spawn()
    await fleet.caughtUp(40)
    expect(await fleet.totals(5)).toEqual([8, 8, 8, 8, 8])
    second.tell('close')
    expect(await second.over()).toBe(0)
    expect(second.errors).toBe('')
  })

  it.each(['die-before', 'die-after'])(
    '%s: external effects happen at least once, and only those in hand twice',
    async (how) => {
      await using store = await tempStore()
      const fleet = new Fleet(store, { lanes: 1, batch: 3 })
      await fleet.write(40, 5)
      await using first = fleet.spawn({ seq: 20, how })
      expect(await first.over()).toBe('SIGKILL')
      await using second = fleet.spawn()
      await fleet.caughtUp(40)
      const seqs = fleet.effects.map(({ seq }) => seq)
      expect([...new Set(seqs)].toSorted((a, b) => a - b)).toEqual(range(1, 40))
      const twice = seqs.filter((seq, i) => seqs.indexOf(seq) !== i)
      expect(twice.every((seq) => seq >= 18 && seq <= 20)).toBe(true)
      expect(twice.includes(20)).toBe(how === 'die-after')
      const [before, after] = [first.pid, second.pid].map((pid) => fleet.effects.find((effect) => effect.pid === pid)!)
      expect(after!.fence).toBeGreaterThan(before!.fence)
    },
  )

  it('again and again by the same change: that is parked, the others go on, in order per key', async () => {
    await using store = await tempStore()
    const fleet = new Fleet(store, { lanes: 2, batch: 4, attempts: 2, onFailure: 'park' })
    await fleet.write(30, 5)
    let deaths = 0
    for (;;) {
      await using member = fleet.spawn({ seq: 12, how: 'die-before' })
      await eventually('it died, or parked it', () => member.isOver || member.lines.includes('parked'))
      if (!member.isOver) {
        await fleet.caughtUp(30)
        break
      }
      expect(await member.over()).toBe('SIGKILL')
      deaths++
    }
    // Once in a batch, and twice alone.
    expect(deaths).toBe(3)
    const seen = fleet.effects
    expect(new Set(seen.map(({ seq }) => seq))).toEqual(new Set(range(1, 30).filter((seq) => seq !== 12)))
    await using watch = await fleet.watch()
    const parked = await Array.fromAsync(watch.parked())
    expect(parked.map(({ change, attempts, behind }) => [change.seq, attempts, behind])).toEqual([[12, 2, false]])
    expect(parked[0]!.error).toMatch(/its process ended/)
  })
})

describe('a member that is stopped beyond its lease', { timeout: 120_000 }, () => {
  it.each(['stop-before', 'stop-after'])('%s its effect: commits nothing when it goes on', async (how) => {
    await using store = await tempStore()
    const fleet = new Fleet(store, { lanes: 1, batch: 2, transaction: true })
    await fleet.write(20, 3)
    await using stopped = fleet.spawn({ seq: 10, how })
    await eventually('it came to the change', async () => {
      const [mark] = await fleet.back.marks.read([laneKeyOf(0)])
      return ((mark?.read() as { seq: number } | undefined)?.seq ?? 0) >= 8
    })
    await using other = fleet.spawn()
    await fleet.caughtUp(20)
    expect(await fleet.totals(3)).toEqual([6, 7, 7])
    stopped.signal('SIGCONT')
    await eventually('it has lost the lane', () => stopped.lines.includes('lane-lost'))
    await fleet.caughtUp(await fleet.write(10, 3, 21))
    expect(await fleet.totals(3)).toEqual([10, 10, 10])
    const fences = fleet.effects.filter(({ seq }) => seq === 10).map(({ fence, pid }) => ({ fence, pid }))
    const [own] = fences.filter(({ pid }) => pid === other.pid)
    for (const { fence, pid } of fences) if (pid === stopped.pid) expect(fence).toBeLessThan(own!.fence)
  })
})

describe('members that come and go', { timeout: 120_000 }, () => {
  it('keep the order of each key, and hand over without a gap or a repetition when they leave in good order', async () => {
    await using store = await tempStore()
    // Nobody dies: no stall of the machine is to cost a lease.
    const fleet = new Fleet(store, { lanes: 6, batch: 4, leaseMs: 60_000 })
    const keys = 40
    const members = [fleet.spawn()]
    let written = 0
    const writeMore = async (): Promise<void> => {
      await fleet.write(60, keys, written + 1)
      written += 60
    }
    await writeMore()
    for (const step of ['join', 'join', 'leave', 'join', 'leave']) {
      const isDone = (): boolean => fleet.effects.length >= written - 30
      if (step === 'join') {
        const member = fleet.spawn()
        members.push(member)
        await Promise.all([writeMore(), eventually('it has lanes', () => member.lines.includes('lane-acquired'))])
        await writeMore()
        await eventually('it takes part', () => fleet.effects.some(({ pid }) => pid === member.pid))
      } else {
        const member = members.shift()!
        member.tell('close')
        await writeMore()
        expect(await member.over()).toBe(0)
      }
      await eventually('they go on', isDone)
    }
    await eventually('all handled', () => fleet.effects.length >= written)
    const { effects } = fleet
    expect(effects.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(range(1, written))
    for (let key = 0; key < keys; key++) {
      const seqs = effects.filter((effect) => effect.key[1] === key).map(({ seq }) => seq)
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    }
    for (const member of members) await member[Symbol.asyncDispose]()
  })

  it('count exactly once while some of them are killed', async () => {
    await using store = await tempStore()
    const fleet = new Fleet(store, { lanes: 4, batch: 5, transaction: true })
    const members = [fleet.spawn(), fleet.spawn(), fleet.spawn()]
    for (let round = 0; round < 4; round++) {
      await fleet.write(70, 7, round * 70 + 1)
      await eventually('some of it is handled', () => fleet.effects.length > round * 70)
      await members.shift()![Symbol.asyncDispose]()
      members.push(fleet.spawn())
    }
    await eventually('all counted', async () => {
      const totals = await fleet.totals(7)
      return totals.every((total) => (total as number) >= 40)
    })
    expect(await fleet.totals(7)).toEqual([40, 40, 40, 40, 40, 40, 40])
    for (const member of members) {
      member.tell('close')
      expect(await member.over()).toBe(0)
    }
    expect(await fleet.totals(7)).toEqual([40, 40, 40, 40, 40, 40, 40])
  })
})
