import { afterTurn } from '@tidemark/core'

/** How often everyone else has had their turn while `work` ran. */
export async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let isOver = false
  const count = (): void => {
    if (isOver) return
    turns += 1
    afterTurn(count)
  }
  afterTurn(count)
  await work()
  isOver = true
  return turns
}
