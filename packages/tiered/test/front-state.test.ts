import { expect, test } from 'vitest'
import { FrontState } from '../src/shared/front-state.ts'
import { type TierEvent, TierEvents } from '../src/tier-events.ts'

function started(): { state: FrontState; told: string[] } {
  const events = new TierEvents()
  const told: string[] = []
  events.events$.subscribe((event: TierEvent) => {
    told.push('reason' in event ? `${event.type} ${event.reason}` : event.type)
  })
  return { state: new FrontState('redis', events), told }
}

test('that it is not connected before it is connected is no news; that it cannot be is, once', () => {
  const { state, told } = started()
  state.bypass('unreachable')
  expect(told).toEqual([])
  state.bypass('unreachable', new Error('wrong password'))
  state.bypass('unreachable', new Error('wrong password'))
  expect(told).toEqual(['front-bypassed unreachable'])
  state.serve()
  state.serve()
  state.bypass('unreachable')
  expect(told.slice(1)).toEqual(['front-serving', 'front-bypassed unreachable'])
})

test('a call that fails again and again is told once, until one of its kind has succeeded', () => {
  const { state, told } = started()
  for (let i = 0; i < 3; i++) expect(state.fail('apply', new Error(`no ${i}`)).message).toBe(`no ${i}`)
  state.fail('read', 'text')
  state.recover('read')
  state.fail('apply', new Error('no'))
  state.recover('apply')
  state.fail('apply', new Error('no'))
  expect(told).toEqual(['front-failed', 'front-failed', 'front-failed'])
})
