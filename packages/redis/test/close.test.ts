import { ClosedError } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { CALLS, failureOf, failOnUnhandledRejections, withServer } from './support/failing-calls.ts'
import { openFront, PATIENT_MS, rawClient, readyFront } from './support/fronts.ts'

failOnUnhandledRejections()

describe('close()', () => {
  const { initialize, ...inSession } = CALLS
  // By itself: it ends the session that the others are in, which one that is answered late is told.
  test.each([
    ['in flight', inSession],
    ['a start that is under way', { initialize }],
  ])('settles what is %s, leaves nothing behind, and can be called again', (_what, inFlight) =>
    withServer(async (server) => {
      const front = await readyFront(server)
      const calls = Object.values(inFlight).map((call) => call!(front))
      const closing = front.close()
      expect(front.close()).toBe(closing)
      await closing
      await Promise.all(calls)
      expect(front.status).toBe('closed')
      for (const call of Object.values(CALLS)) await expect(call(front)).rejects.toBeInstanceOf(ClosedError)
      await expect(front.whenReady(50)).rejects.toBeInstanceOf(ClosedError)
      const raw = rawClient(server)
      await eventually(
        'the server sees it go',
        async () => !String(await raw.client('LIST')).includes('tidemark-front'),
      )
    }),
  )

  test.each(['connecting', 'disconnected', 'suspended'])('while %s', (status) =>
    withServer(async (server) => {
      const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
      const before = timers()
      if (status === 'disconnected') await server.kill()
      const front = openFront(server, { commandTimeoutMs: status === 'suspended' ? 60 : PATIENT_MS })
      if (status === 'suspended') {
        await eventually('it is connected', () => front.status === 'fenced')
        server.stop()
        await failureOf(front.look())
      }
      await eventually('it is there', () => front.status === status)
      await front.close()
      expect(front.status).toBe('closed')
      await eventually('no timer is left', () => timers() <= before)
      if (status === 'suspended') server.cont()
    }),
  )
})
