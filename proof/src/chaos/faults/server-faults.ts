import type { Seat } from '../fleet/fleet.ts'
import type { Draw } from '../random.ts'
import { type Fault, rollback, serverFault } from './fault.ts'

/** SIGSTOP: connections stay, and nothing answers. */
export const pauseRedis: Fault = serverFault(async ({ pair, sleep }, draw) => {
  const ms = draw.between(100, 2_000)
  const { primary } = pair
  primary.stop()
  try {
    await sleep(ms)
  } finally {
    primary.cont()
  }
  return `for ${ms.toFixed(0)} ms`
})

/** The server comes back with what it held a while ago. */
export const oldDump: Fault = rollback(async ({ pair, sleep }, draw) => {
  const ms = draw.between(300, 2_500)
  const restart = await pair.save()
  await sleep(ms)
  await restart()
  return `of ${ms.toFixed(0)} ms before`
})

/** The primary dies, and its replica, which may lack the last writes, takes its place. */
export const promote: Fault = rollback(async ({ pair, fleet, sleep }, draw) => {
  const ms = draw.between(0, 500)
  await pair.primary.kill()
  await sleep(ms)
  await pair.promote()
  for (const { proxy } of fleet.seats) proxy.cut()
  // The dead one is the replica from now on.
  await pair.replica.restart()
  await pair.follow()
  return `after ${ms.toFixed(0)} ms`
})

/** The replica is promoted, and some still reach the former primary for a while, which knows nothing of it. */
export const splitBrain: Fault = rollback(async ({ pair, fleet, sleep }, draw) => {
  const ms = draw.between(300, 2_000)
  const former = pair.primary.port
  const behind = whoStaysBehind(fleet.seats, draw)
  await pair.promote()
  const usual = fleet.seats[0]!.proxy.target
  for (const { proxy } of behind) proxy.target = () => former
  for (const seat of fleet.seats) if (!behind.includes(seat)) seat.proxy.cut()
  try {
    await sleep(ms)
  } finally {
    for (const { proxy } of behind) {
      proxy.target = usual
      proxy.cut()
    }
  }
  await pair.follow()
  return `${behind.map(({ worker }) => worker.session).join(' ')} stayed behind for ${ms.toFixed(0)} ms`
})

/**
 * The primary becomes a replica of its replica in place, and its clients are sent away, as condition 4 of
 * docs/guarantees.md asks for. Some come back to it, and find a replica that takes over what the other one holds. At last
 * they are led to the new primary; or the former one, the same run of the same server, is promoted under their connections.
 */
export const demote: Fault = rollback(async ({ pair, fleet, sleep }, draw) => {
  const ms = draw.between(300, 1_500)
  const isPromotedBack = draw.unit() < 0.5
  const former = pair.primary.port
  const behind = whoStaysBehind(fleet.seats, draw)
  const usual = fleet.seats[0]!.proxy.target
  for (const { proxy } of behind) proxy.target = () => former
  try {
    await pair.demote()
    await sleep(ms)
    if (isPromotedBack) await pair.demote()
  } finally {
    for (const { proxy } of behind) {
      proxy.target = usual
      if (!isPromotedBack) proxy.cut()
    }
  }
  await pair.follow()
  const who = behind.map(({ worker }) => worker.session).join(' ')
  return `${who} came back to it for ${ms.toFixed(0)} ms${isPromotedBack ? ', until it was promoted again' : ''}`
})

/**
 * At least one, and not everybody. Of those without a near memory, where there are any: what they read is what their server
 * holds, and near memory would hide it.
 */
function whoStaysBehind(seats: readonly Seat[], draw: Draw): readonly Seat[] {
  const shuffled = draw.shuffled(seats)
  const plain = shuffled.filter(({ hasNear }) => !hasNear)
  const candidates = plain.length > 0 ? plain : shuffled
  const most = Math.min(candidates.length, seats.length - 1)
  return candidates.slice(0, most > 1 ? 1 + draw.below(most) : most)
}

/** One worker is led to the replica, which refuses writes, and lags. */
export const reachReplica: Fault = rollback(async ({ pair, fleet, sleep }, draw) => {
  const ms = draw.between(300, 1_500)
  const { proxy, worker } = draw.pick(fleet.seats)
  const usual = proxy.target
  proxy.target = () => pair.replica.port
  proxy.cut()
  try {
    await sleep(ms)
  } finally {
    proxy.target = usual
    proxy.cut()
  }
  return `${worker.session} for ${ms.toFixed(0)} ms`
})
