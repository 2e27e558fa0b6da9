import type { HistoryEvent } from './history.ts'

/** One line for people. */
export function renderEvent(event: HistoryEvent): string {
  switch (event.type) {
    case 'read': {
      const found = event.version === undefined ? `absent asOf ${event.asOf}` : `v${event.version} ${show(event.value)}`
      const how = event.linearizable ? ' linearizable' : event.minVersion > 0 ? ` minVersion ${event.minVersion}` : ''
      return `${span(event)} ${event.process} read ${event.key}${how} -> ${found} from ${event.tier}`
    }
    case 'write': {
      const what = event.value === undefined ? 'delete' : `write ${show(event.value)}`
      const reached = event.applied ? 'applied' : 'not applied'
      return `${span(event)} ${event.process} ${what} ${event.key} -> v${event.version ?? '-'} (${event.ack}, ${reached})`
    }
    case 'loader': {
      const what = event.fails ? 'failure' : show(event.value)
      const end = event.endedAt === Infinity ? 'never' : event.endedAt.toFixed(1)
      return `${time(event.startedAt)} ${event.process} loader ${event.run} of ${event.key} -> ${what} at ${end}`
    }
    case 'load': {
      const what = event.outcome === 'failed' ? String(event.error) : show(event.value)
      return `${span(event)} ${event.process} getOrSet ${event.key} -> ${what}`
    }
    case 'trouble':
      return `${span(event)} ${event.process} TROUBLE ${event.what}`
    case 'commit':
      return `${time(event.at)} ${event.process} commit ${event.seq} ${event.key} = ${show(event.value)}`
    case 'fault':
      return `${time(event.at)} fault: ${event.what}`
    case 'trace':
      return `${time(event.at)}   ${event.what}`
  }
}

/** When an event belongs into a listing by time. */
export function timeOf(event: HistoryEvent): number {
  if (event.type === 'loader') return event.startedAt
  return 'at' in event ? event.at : event.returnedAt
}

function span({ invokedAt, returnedAt }: { readonly invokedAt: number; readonly returnedAt: number }): string {
  return `${time(returnedAt)} (since ${invokedAt.toFixed(1)})`
}

function time(at: number): string {
  return at.toFixed(1).padStart(8)
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value)
}
