import type { WriterKind } from '../scenarios/scenario.ts'
import { apply, applyCutShort, type SentChange } from '../scripts/apply.ts'
import { agree, type Back, isAbsent } from '../state/back.ts'
import { IDLE_WRITER } from '../state/initial.ts'
import { APPLIED, COMMITTED, DONE, ORPHANED, READY, type Writer } from '../state/processes.ts'
import { isReady } from '../state/server.ts'
import { type State, withServer, withWriter } from '../state/state.ts'
import type { Actor, World } from '../world.ts'
import { reasonToAcknowledge } from './acknowledgement.ts'
import { destinations, mayAgree } from './connection.ts'

/** Nothing about it matters any more. */
export const DONE_WRITER: Writer = { ...IDLE_WRITER, at: 0, phase: DONE }

/** Commits, tells the front, is acknowledged; each at any time, or never. */
export const write: Actor = (state, world, emit) => {
  state.writers.forEach((writer, i) => {
    const { phase } = writer
    if (phase === DONE) return
    const kind = world.scenario.writers[i]!
    const isEarly = world.flaw === 'agreement-read-early'
    if (phase === READY && isEarly && writer.agreedTerm === 0) {
      emit(`W${i} reads the agreement`, withWriter(state, i, agreedIn(state.back)))
    } else if (phase === READY) {
      for (let key = 0; key < world.scenario.keys; key++) {
        if (kind.op === 'delete' && isAbsent(state.back.log, key, world.scenario.bornAbsent)) continue
        emit(`W${i} commits ${kind.op} k${key}`, commit(state, i, key, kind, isEarly ? writer : agreedIn(state.back)))
      }
    }
    if (phase === COMMITTED || phase === ORPHANED) tellFront(state, world, emit, i)
    const reason = reasonToAcknowledge(writer, state, world)
    if (reason !== undefined) emit(`W${i} is acknowledged (${reason})`, acknowledge(state, i))
    if (phase === COMMITTED && world.scenario.faults.crash) emit(`W${i} crashes`, finish(state, i))
    if (phase === COMMITTED && world.scenario.faults.suspend && !state.back.agreement.suspended) {
      if (mayAgree(state, world)) emit(`W${i} suspends`, { ...state, back: agree(state.back, { suspended: true }) })
    }
    if (phase === READY || phase === COMMITTED) {
      for (const to of destinations(state, world, writer.at)) {
        emit(`W${i} reconnects to S${to}`, withWriter(state, i, reconnected(writer, to, world)))
      }
    }
  })
}

type Agreed = Pick<Writer, 'agreedServer' | 'agreedTerm' | 'suspended' | 'agreedWait'>

function agreedIn({ agreement: { server, term, suspended, wait } }: Back): Agreed {
  return { agreedServer: server, agreedTerm: term, suspended, agreedWait: wait }
}

function commit(state: State, i: number, key: number, kind: WriterKind, agreed: Agreed): State {
  const { back, servers, writers } = state
  const server = servers[writers[i]!.at]
  const { history } = back
  const log = [...back.log, { key, deletes: kind.op === 'delete', acknowledged: false, history }]
  return withWriter({ ...state, back: { ...back, log } }, i, {
    phase: COMMITTED,
    key,
    seq: log.length,
    epoch: kind.policy === 'through' && server !== undefined && isReady(server) ? server.epoch : 0,
    history,
    agreedServer: agreed.agreedServer,
    agreedTerm: agreed.agreedTerm,
    suspended: agreed.suspended,
    agreedWait: agreed.agreedWait,
    told: kind.near !== true,
  })
}

const tellFront = (state: State, world: World, emit: Parameters<Actor>[2], i: number): void => {
  const writer = state.writers[i]!
  const { at, key, seq, history } = writer
  const server = state.servers[at]
  if (server === undefined || isTooEarly(state, world)) return
  const { policy, op } = world.scenario.writers[i]!
  const installs = policy === 'through' && op === 'set'
  // The epoch that it knows is that of its commit, or one that it has learned since.
  for (const epoch of new Set(installs ? [writer.epoch, server.epoch] : [0])) {
    if (installs && writer.phase === ORPHANED && epoch !== writer.epoch) continue
    const change: SentChange = { key, seq, history, installs, epoch }
    const suffix = installs && epoch !== server.epoch ? `, in epoch ${epoch}` : ''
    const after = apply(server, change, world)
    // A seq of a history that is gone says nothing about this one.
    const told = writer.phase === ORPHANED ? { ...after, executed: server.executed } : after
    emit(`W${i} applies ${seq} at S${at}${suffix}`, applied(withServer(state, at, told), world, i))
    if (world.scenario.faults.outOfMemory && !installs) {
      const cut = applyCutShort(server, change, world)
      if (cut !== server) emit(`W${i} applies ${seq} at S${at}, memory runs out`, withServer(state, at, cut))
    }
  }
}

/**
 * After a restore that nobody declared, a writer with a higher version would take the place of the highest seq, which is
 * what would have told. That it does not come before the first look is a condition.
 */
function isTooEarly({ back, readers, followers }: State, { scenario, flaw }: World): boolean {
  if (!scenario.keepsHighest || back.history === 0 || flaw === 'write-before-first-look') return false
  return ![...readers, ...followers].some(({ checked }) => checked)
}

function applied(state: State, { scenario }: World, i: number): State {
  const { phase, appliedAt, at, told } = state.writers[i]!
  if (phase === ORPHANED || (!scenario.acknowledges && told)) return finish(state, i)
  return withWriter(state, i, { phase: APPLIED, appliedAt: appliedAt >= 0 ? appliedAt : at })
}

function reconnected({ phase, at }: Writer, to: number, { flaw }: World): Partial<Writer> {
  return flaw === 'replays-on-reconnect' && phase === COMMITTED ? { at: to, appliedAt: at } : { at: to }
}

function acknowledge(state: State, i: number): State {
  const { seq } = state.writers[i]!
  const { back } = state
  const log = back.log.with(seq - 1, { ...back.log[seq - 1]!, acknowledged: true })
  return finish({ ...state, back: { ...back, log } }, i)
}

function finish(state: State, i: number): State {
  return { ...state, writers: state.writers.with(i, DONE_WRITER) }
}
