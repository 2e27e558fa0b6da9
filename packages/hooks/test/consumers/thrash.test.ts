import { expect, it, onTestFinished } from 'vitest'
import { consumerStats } from '../../src/index.ts'
import type { Child } from '../support/child.ts'
import { eventually, Fleet } from '../support/fleet.ts'
import { tempStore } from '../support/temp-store.ts'

const MEMBERS = 3
const KILLS = 12
const KEYS = 11

it(`counts exactly once while ${MEMBERS} members with 8 lanes and short leases are killed ${KILLS} times under load`, async () => {
  await using store = await tempStore()
  // Whoever is killed often is not to count as one whose handler fails.
  const fleet = new Fleet(store, { lanes: 8, batch: 5, leaseMs: 600, transaction: true, attempts: 1_000 })
  const spawn = (): Child => {
    const member = fleet.spawn()
    onTestFinished(() => member[Symbol.asyncDispose]())
    return member
  }
  const members = Array.from({ length: MEMBERS }, spawn)
  const counted = async (): Promise<number> =>
    (await fleet.totals(KEYS)).reduce<number>((sum, total) => sum + Number(total ?? 0), 0)
  let written = 0
  let isOver = false
  const writing = (async () => {
    for (; !isOver; written += 10) {
      await fleet.write(10, KEYS, written + 1)
      // Always more than they have in hand, and never more than they can work off soon.
      await eventually('they keep up', async () => isOver || written - (await counted()) < 300)
    }
  })()

  const killed: unknown[] = []
  while (killed.length < KILLS) {
    // Two at a time: one is left, and takes up what both had.
    const victims = members.splice(0, 2)
    await eventually('they have lanes', () => victims.every(({ lines }) => lines.includes('lane-acquired')))
    // Not always at the same point of their work.
    const until = fleet.effects.length + 1 + Math.floor(Math.random() * 40)
    await eventually('there is work', () => fleet.effects.length >= until)
    for (const victim of victims) victim.signal('SIGKILL')
    members.push(...victims.map(spawn))
    killed.push(...(await Promise.all(victims.map((victim) => victim.over()))))
  }
  expect(new Set(killed)).toEqual(new Set(['SIGKILL']))
  isOver = true
  await writing

  const expected = Array.from(
    { length: KEYS },
    (_, key) => Math.floor((written + KEYS - key) / KEYS) - (key === 0 ? 1 : 0),
  )
  await eventually('all are counted', async () => {
    const totals = await fleet.totals(KEYS)
    return totals.every((total, key) => Number(total ?? 0) >= expected[key]!)
  })
  // Those that go finish what they have in hand: whatever would be counted twice, is by then.
  for (const member of members) {
    member.tell('close')
    expect(await member.over()).toBe(0)
  }
  expect(await fleet.totals(KEYS)).toEqual(expected)
  expect(await consumerStats(fleet.back, 'totals')).toMatchObject({ parked: 0 })
}, 120_000)
