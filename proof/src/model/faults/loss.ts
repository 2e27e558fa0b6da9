import { isReady, type Server, withoutMeta, withRecord } from '../state/server.ts'
import { withServer } from '../state/state.ts'
import type { Actor, World } from '../world.ts'

/** The server forgets: a record, meta, everything. */
export const lose: Actor = (state, world, emit) => {
  const { faults, keys, maxLosses } = world.scenario
  state.servers.forEach((server, run) => {
    if (server === undefined) return
    for (let key = 0; key < keys; key++) {
      if (!faults.evict || server.records[key] === undefined) continue
      emit(`k${key} is evicted at S${run}`, withServer(state, run, evicted(server, key, world)))
    }
    if (state.spent.losses >= maxLosses) return
    const after = { ...state, spent: { ...state.spent, losses: state.spent.losses + 1 } }
    if (faults.loseMeta && (isReady(server) || server.nonce !== 0)) {
      emit(`meta is lost at S${run}`, withServer(after, run, withoutMeta(server)))
    }
    if (faults.flush) {
      const records = server.records.map(() => undefined)
      emit(`S${run} is flushed`, withServer(after, run, withoutMeta({ ...server, records })))
    }
  })
}

function evicted(server: Server, key: number, { flaw, stripes }: World): Server {
  const after = withRecord(server, key, undefined)
  return flaw === 'fence-goes-with-record' ? { ...after, fences: after.fences.with(key % stripes, 0) } : after
}
