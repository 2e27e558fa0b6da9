import { agree, type Bound, LONG, SHORT } from '../state/back.ts'
import type { Certificate, Reader } from '../state/processes.ts'
import { isReady, type Server } from '../state/server.ts'
import { type State, withReader } from '../state/state.ts'
import type { Actor, World } from '../world.ts'
import { mayAgree } from './connection.ts'
import { isOfThisLog } from './diagnosis.ts'

/** A reader samples the back tier, looks at the front, and keeps the certificate that follows; or lets it run out. */
export const certify: Actor = (state, world, emit) => {
  state.readers.forEach((reader, i) => {
    const { certificate, sample, at, mayClaim, checked } = reader
    const { agreement, log } = state.back
    if (sample === undefined && isWorthIt(reader, state, world)) {
      const { epoch, server, term, bound } = agreement
      emit(`R${i} samples`, withReader(state, i, { sample: { head: log.length, epoch, server, term, bound } }))
    }
    const next = certificateOf(i, state, world)
    if (next !== undefined && !checked) {
      emit(`R${i} finds the mark right`, withReader(state, i, { checked: true }))
    } else if (next !== undefined) {
      const changed = { certificate: next, sample: undefined, mayClaim: false }
      emit(`R${i} is certified to ${next.head}`, withReader(state, i, changed))
    }
    if (wishOf(i, world) > agreement.bound && agreement.server === at && mayAgree(state, world)) {
      emit(`R${i} raises the bound`, { ...state, back: agree(state.back, { bound: LONG }) })
    }
    if (sample !== undefined) emit(`R${i} sample expires`, withReader(state, i, { sample: undefined }))
    if (certificate !== undefined) emit(`R${i} certificate expires`, withReader(state, i, { certificate: undefined }))
    if (mayClaim && agreement.server !== at && mayAgree(state, world)) {
      emit(
        `R${i} claims S${at}`,
        withReader({ ...state, back: agree(state.back, { server: at, bound: wishOf(i, world) }) }, i, {
          mayClaim: false,
        }),
      )
    }
  })
}

/** Whether a sample could prove more than what is certified already. */
function isWorthIt({ certificate, at }: Reader, { back }: State, { flaw }: World): boolean {
  const { epoch, server, term, suspended } = back.agreement
  if (suspended && flaw !== 'certificate-while-suspended') return false
  if (epoch === 0 && flaw !== 'certificate-ignores-epoch') return false
  if (certificate === undefined) return true
  const isSame = certificate.head === back.log.length && certificate.sinceTerm === term
  return !(isSame && server === at && certificate.epoch === epoch)
}

/** What the sample proves, together with a look at the front now. */
function certificateOf(i: number, { readers, servers, back }: State, world: World): Certificate | undefined {
  const { sample, at, checked } = readers[i]!
  const server = servers[at]
  if (sample === undefined || server === undefined) return undefined
  if (!isReady(server) || !isOfThisLog(server, back, world, checked)) return undefined
  const { flaw } = world
  if (sample.epoch !== server.epoch && flaw !== 'certificate-ignores-epoch') return undefined
  if (sample.server !== at && flaw !== 'certificate-ignores-server') return undefined
  if (sample.head > server.watermark && flaw !== 'certificate-ignores-watermark') return undefined
  const { head, term } = sample
  const since =
    flaw === 'certificate-from-end'
      ? { sinceHead: back.log.length, sinceTerm: back.agreement.term }
      : { sinceHead: head, sinceTerm: term }
  return { head, epoch: server.epoch, ...since, bound: boundOf(i, sample.bound, world) }
}

function wishOf(i: number, { scenario }: World): Bound {
  return i < scenario.longReaders ? LONG : SHORT
}

/** How long a certificate of this reader lives: what it wants, and no longer than was agreed on when it was sampled. */
export function boundOf(i: number, agreed: Bound, world: World): Bound {
  return agreed === LONG || world.flaw === 'certificate-outlives-bound' ? wishOf(i, world) : SHORT
}

/** The record that the reader is served from the front, if it is. */
export function isServed({ certificate }: Reader, server: Server, key: number, { scenario }: World): boolean {
  const record = server.records[key]
  if (record === undefined) return false
  return scenario.certificates ? certificate?.epoch === record.epoch : true
}
