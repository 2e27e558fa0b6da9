import { announce, complete } from '../scripts/start.ts'
import { accepts, execute, moveWatermark, tail } from '../scripts/tail.ts'
import { agree, historyAt, SHORT } from '../state/back.ts'
import { IDLE_FOLLOWER } from '../state/initial.ts'
import { AGREED, ANNOUNCED, DECIDED, type Follower, HALF_TAILED, HEAD_READ, IDLE, TAILING } from '../state/processes.ts'
import type { Server } from '../state/server.ts'
import { type State, withFollower, withServer } from '../state/state.ts'
import type { Emit } from '../checker/explore.ts'
import type { Actor, World } from '../world.ts'
import { termIsSettled } from './acknowledgement.ts'
import { destinations, mayAgree } from './connection.ts'
import { needsStart } from './diagnosis.ts'

/** Repairs the front: claims its server, starts it anew, replays the log, ends a suspension; and may fail in between. */
export const follow: Actor = (state, world, emit) => {
  state.followers.forEach((follower, i) => {
    repair(state, world, emit, i)
    if (follower.phase !== IDLE && world.scenario.faults.crash) {
      emit(`F${i} crashes`, withFollower(state, i, IDLE_FOLLOWER))
    }
    for (const to of destinations(state, world, follower.at)) {
      emit(`F${i} reconnects to S${to}`, withFollower(state, i, reconnected(follower, to, state)))
    }
  })
}

/** What a follower does where nothing fails. */
export function repair(state: State, world: World, emit: Emit<State>, i: number): void {
  const { phase, at } = state.followers[i]!
  const server = state.servers[at]
  if (server === undefined) return
  if (phase === IDLE) begin(state, server, world, emit, i)
  else if (phase === TAILING || phase === HALF_TAILED) tailOn(state, server, world, emit, i)
  else startOn(state, server, world, emit, i)
}

function begin(state: State, server: Server, world: World, emit: Emit<State>, i: number): void {
  const { at, mayClaim, checked } = state.followers[i]!
  const { back } = state
  const { log, agreement } = back
  if (agreement.server !== at) {
    if (!mayClaim || !mayAgree(state, world)) return
    emit(
      `F${i} claims S${at}`,
      withFollower({ ...state, back: agree(back, { server: at, bound: SHORT }) }, i, { mayClaim: false }),
    )
    return
  }
  if (needsStart(server, back, world, checked)) {
    if (!mayStart(state, world)) return
    if (world.flaw === 'start-reads-head-first') {
      emit(`F${i} reads the head`, withFollower(state, i, { phase: HEAD_READ, head: log.length }))
    } else if (world.scenario.lateStarts) {
      emit(`F${i} finds that a start is needed`, withFollower(state, i, { phase: DECIDED, term: agreement.term }))
    } else emit(`F${i} announces a start`, announced(state, server, i, agreement.term))
    return
  }
  if (!checked) return emit(`F${i} finds the mark right`, withFollower(state, i, { checked: true }))
  const { wait, bound, term } = agreement
  const isSettled = termIsSettled(term, wait, state, world) || world.flaw === 'wait-shrinks-at-once'
  if (wait > bound && isSettled && mayAgree(state, world)) {
    emit(`F${i} lets writers wait for less`, { ...state, back: agree(back, { wait: bound }) })
  }
  const { watermark } = server
  if (watermark < log.length && world.flaw !== 'nobody-tails') {
    const keys = log.slice(watermark).map(({ key }) => key)
    const mark = historyAt(log, log.length)
    const step = { phase: TAILING, from: watermark, readIn: back.history, keys, epoch: server.epoch, mark } as const
    emit(`F${i} reads the log from ${watermark} to ${log.length}`, withFollower(state, i, step))
  } else if (agreement.suspended && mayAgree(state, world)) {
    emit(`F${i} ends the suspension`, { ...state, back: agree(back, { suspended: false }) })
  }
}

function mayStart(state: State, world: World): boolean {
  return state.spent.starts < world.scenario.maxStarts && mayAgree(state, world)
}

function announced(state: State, server: Server, i: number, term: number): State {
  const nonce = state.spent.starts + 1
  const spent = { ...state.spent, starts: nonce }
  const { at } = state.followers[i]!
  return withFollower(withServer({ ...state, spent }, at, announce(server, nonce)), i, {
    phase: ANNOUNCED,
    nonce,
    term,
  })
}

function tailOn(state: State, server: Server, world: World, emit: Emit<State>, i: number): void {
  const follower = state.followers[i]!
  const { at, from, readIn, keys, phase } = follower
  const label = `F${i} tails from ${from} to ${from + keys.length} at S${at}`
  const isDone = (after: Server): State => {
    // A seq of a history that is gone says nothing about this one.
    const executed = readIn === state.back.history ? after.executed : server.executed
    return withFollower(withServer(state, at, { ...after, executed }), i, IDLE_FOLLOWER)
  }
  if (phase === HALF_TAILED) return emit(`${label}: removals`, isDone(execute(server, follower, world)))
  if (world.flaw !== 'tail-in-two-steps') return emit(label, isDone(tail(server, follower, world)))
  if (!accepts(server, follower, world)) return emit(label, isDone(server))
  const moved = withServer(state, at, moveWatermark(server, follower))
  emit(`${label}: watermark`, withFollower(moved, i, { phase: HALF_TAILED }))
}

function startOn(state: State, server: Server, world: World, emit: Emit<State>, i: number): void {
  const { phase, at, nonce, term, epoch, head, mark } = state.followers[i]!
  const { back } = state
  if (phase === HEAD_READ) return emit(`F${i} announces a start`, announced(state, server, i, back.agreement.term))
  if (phase === DECIDED) {
    // Whenever it is refused, and whenever it is not: nothing depends on when the server does the one or the other.
    emit(`F${i} is refused its start`, withFollower(state, i, IDLE_FOLLOWER))
    if (mayStart(state, world)) emit(`F${i} announces a start`, announced(state, server, i, term))
    return
  }
  if (phase === AGREED) {
    const completed = complete(server, { nonce, epoch, head, mark }, world)
    const label = completed === server ? 'completes its start in vain' : `completes its start at S${at}`
    return emit(`F${i} ${label}`, withFollower(withServer(state, at, completed), i, IDLE_FOLLOWER))
  }
  // Somebody else has changed the agreement since: never with an epoch of theirs.
  if (back.agreement.term !== term) return emit(`F${i} gives up its start`, withFollower(state, i, IDLE_FOLLOWER))
  const first = world.flaw === 'start-reads-head-first'
  const next: Partial<Follower> = {
    phase: AGREED,
    epoch: world.flaw === 'start-reuses-epoch' ? back.agreement.epoch : nonce,
    head: first ? head : back.log.length,
    mark: historyAt(back.log, first ? head : back.log.length),
  }
  const wait = world.flaw === 'wait-shrinks-with-bound' ? SHORT : back.agreement.wait
  const agreed = agree(back, { epoch: next.epoch!, server: at, suspended: false, bound: SHORT, wait })
  emit(`F${i} agrees on epoch ${next.epoch} at head ${next.head}`, withFollower({ ...state, back: agreed }, i, next))
}

/** A step of the tail may still arrive, at the other server even: it finds out whether it fits there. */
function reconnected({ phase }: Follower, at: number, { back }: State): Partial<Follower> {
  const mayClaim = at !== back.agreement.server
  return phase === TAILING || phase === HALF_TAILED ? { at, mayClaim } : { ...IDLE_FOLLOWER, at, mayClaim }
}
