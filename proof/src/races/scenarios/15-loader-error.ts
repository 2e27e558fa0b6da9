import { fails, HOLDS, show } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { settled } from '../waiting.ts'
import { PROPAGATION_MS } from '../world.ts'

export const loaderError: Scenario = {
  row: 15,
  name: 'the error of a loader',
  what: 'A loader throws: its caller gets that error, as it is or as the cause.',
  seenIn: 'cacheable',
  note: "cacheable's `throwErrors` option rethrows; this is its default.",
  needs: ['loader'],
  async run(world) {
    const { cache } = await world.open()
    const thrown = new Error('the source is down')
    const end = await settled(
      cache.load('k-error', async () => {
        throw thrown
      }),
      PROPAGATION_MS,
    )
    if (end.kind === 'value') return fails(`the error is swallowed, ${show(end.value)} is returned`)
    if (end.kind === 'pending') return fails('the call hangs')
    const { error } = end
    return error === thrown || (error as Error).cause === thrown ? HOLDS : fails(`another error: ${String(error)}`)
  },
}
