/**
 * Runs `one` so many times, at most `width` at once: `width` independent callers, each of which asks for its next only
 * when it has its last. Not waves of `Promise.all`: nobody is told when the others are ready.
 */
export async function inLanes(width: number, times: number, one: () => Promise<void>): Promise<void> {
  let started = 0
  const lane = async (): Promise<void> => {
    while (started < times) {
      started++
      await one()
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, times) }, lane))
}
