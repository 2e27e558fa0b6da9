import { expect, test } from 'vitest'
import { tierLog } from '../src/tier-log.ts'

test('a line when a front falls out, one when it is back, and none for the contact at the start', () => {
  const lines: string[] = []
  const log = tierLog((line) => lines.push(line))
  const tier = 'redis'
  log({ type: 'front-bypassed', tier, reason: 'starting', error: undefined })
  log({ type: 'front-started', tier, reason: 'lost' })
  log({ type: 'front-serving', tier })
  expect(lines).toEqual([])
  log({ type: 'front-bypassed', tier, reason: 'unreachable', error: new Error('nothing listens there') })
  log({ type: 'front-bypassed', tier, reason: 'behind', error: undefined })
  log({ type: 'front-failed', tier, call: 'apply', error: new Error('no') })
  expect(lines).toEqual([expect.stringContaining('redis is bypassed: nothing listens there')])
  log({ type: 'front-started', tier, reason: 'lost' })
  log({ type: 'front-serving', tier })
  expect(lines.slice(1)).toEqual(['redis was emptied and starts anew (lost)', 'redis serves again'])
})

test('a front that cannot be reached from the start is news', () => {
  const lines: string[] = []
  const log = tierLog((line) => lines.push(line))
  log({ type: 'front-bypassed', tier: 'redis', reason: 'unreachable', error: new Error('wrong password') })
  expect(lines).toEqual([expect.stringContaining('wrong password')])
})

test('a line when a front is full, and one when it has room again', () => {
  const lines: string[] = []
  const log = tierLog((line) => lines.push(line))
  log({ type: 'front-full', tier: 'redis', error: new Error('its memory is full') })
  log({ type: 'front-has-room', tier: 'redis' })
  expect(lines).toEqual([expect.stringContaining('redis is full: its memory is full'), 'redis has room again'])
})
