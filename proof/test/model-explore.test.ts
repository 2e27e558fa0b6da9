import { describe, expect, test } from 'vitest'
import { explore, type System } from '../src/model/checker/explore.ts'

type Jugs = readonly [small: number, large: number]

/** Two jugs of 3 and 5 litres: 4 litres can be measured in six steps, and not in fewer. */
const jugs = (forbidden: number): System<Jugs> => ({
  initial: [0, 0],
  encode: ([small, large]) => `${small}.${large}`,
  steps: ([small, large], emit) => {
    emit('fill the small one', [3, large])
    emit('fill the large one', [small, 5])
    emit('empty the small one', [0, large])
    emit('empty the large one', [small, 0])
    const down = Math.min(large, 3 - small)
    emit('pour into the small one', [small + down, large - down])
    const up = Math.min(small, 5 - large)
    emit('pour into the large one', [small - up, large + up])
  },
  violation: ([, large]) => (large === forbidden ? { invariant: 'forbidden', detail: `${large}` } : undefined),
})

describe('explore', () => {
  test('finds a shortest way, and can tell it', () => {
    const { finding, complete } = explore(jugs(4))
    expect(finding).toEqual({
      invariant: 'forbidden',
      detail: '4',
      trace: [
        'fill the large one',
        'pour into the small one',
        'empty the small one',
        'pour into the small one',
        'fill the large one',
        'pour into the small one',
      ],
    })
    expect(complete).toBe(false)
  })

  test('visits every state once, and every step', () => {
    const { states, edges, depth, finding, complete } = explore(jugs(7))
    expect({ states, edges, depth, finding, complete }).toEqual({
      states: 16,
      edges: 96,
      depth: 7,
      finding: undefined,
      complete: true,
    })
  })

  test('says when it has ended at its limit', () => {
    const { states, complete } = explore(jugs(7), { maxStates: 5 })
    expect(states).toBeGreaterThanOrEqual(5)
    expect(complete).toBe(false)
  })

  test('looks at the initial state too', () => {
    expect(explore(jugs(0)).finding?.trace).toEqual([])
  })
})
