import { expect, it } from 'vitest'
import { change, filling } from '../../writes.ts'
import { HEAD } from './front-suite.ts'
import type { StartShared } from './shared-front-suite.ts'

export function describeRoom(start: StartShared): void {
  it('says that it is refused room, still removes what is replaced, and says that it has room again', async () => {
    const { front, server } = await start()
    const told: (string | undefined)[] = []
    const stop = front.onRoom((refusal) => told.push(refusal?.code))
    await front.apply([change(HEAD + 1, 'a', 1)], 'install')
    expect(told).toEqual([])
    await server.refuseMore(true)
    try {
      expect(await front.apply([change(HEAD + 2, 'a', 2)], 'install')).toEqual(['removed'])
      expect(told).toEqual(['FRONT_UNAVAILABLE'])
      expect(await front.apply([change(HEAD + 3, 'a', 3)], 'invalidate')).toEqual(['removed'])
      expect(told).toEqual(['FRONT_UNAVAILABLE'])
    } finally {
      await server.refuseMore(false)
    }
    // It may be spared what takes room for a while.
    await expect
      .poll(() => front.fill([filling('b', 1, HEAD + 3, HEAD + 3)]), { timeout: 10_000 })
      .toEqual(['installed'])
    expect(told).toEqual(['FRONT_UNAVAILABLE', undefined])
    stop()
  })
}
