import { prevalent, type Transaction } from '@tidemark/state'
import type { Tidemark } from 'tidemark'

export interface Refs {
  x: number
  y: number
  s: Readonly<Record<string, unknown>>
}

type On = Transaction<Refs>

/** The three refs of the example, and its transactions. */
export function openRefs(store: Tidemark) {
  return prevalent({
    store,
    name: 'refs',
    initial: (): Refs => ({ x: 0, y: 0, s: {} }),
    transactions: {
      trFn({ state }: On, x: number, y: number) {
        state.x += x
        state.y += y
      },
      trFnSwap({ state }: On) {
        ;[state.x, state.y] = [state.y, state.x]
      },
      trInc({ state }: On) {
        state.x += 1
        state.y += 1
      },
      trSetS({ state }: On, newS: Readonly<Record<string, unknown>>) {
        state.s = newS
      },
    },
  })
}
