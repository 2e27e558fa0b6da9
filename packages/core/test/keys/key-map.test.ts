import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { KeyMap } from '../../src/keys/key-map.ts'
import type { KeyTuple } from '../../src/keys/key.ts'
import { compareTuples } from '../../src/keys/tuple-order.ts'
import { closeTuple } from './arbitrary-keys.ts'

describe('a key map', () => {
  it('finds by content what was set under another array', () => {
    const map = new KeyMap<string>([[['user', 42], 'Ada']])
    expect(map.get(['user', 42])).toBe('Ada')
    expect(map.has(['user', 42])).toBe(true)
    expect(map.get(['user', '42'])).toBeUndefined()
    expect(map.get(['user', 42n])).toBeUndefined()
    expect(map.get('user')).toBeUndefined()
  })

  it('takes a bare part for its one-tuple', () => {
    expect(new KeyMap([['a', 1]]).get(['a'])).toBe(1)
  })

  it('iterates in the order of insertion, over frozen copies of the keys', () => {
    const key = ['a', 1]
    const map = new KeyMap<number>().set(key, 1).set('b', 2).set(['a', 1], 3)
    key[1] = 2
    expect([...map]).toEqual([
      [['a', 1], 3],
      [['b'], 2],
    ])
    expect([...map.keys()]).toEqual([['a', 1], ['b']])
    expect([...map.values()]).toEqual([3, 2])
    expect([...map.entries()]).toEqual([...map])
    expect(Object.isFrozen([...map.keys()][0])).toBe(true)
  })

  it('behaves as a list searched with compareTuples', () => {
    const steps = fc.array(fc.tuple(fc.constantFrom('set', 'delete', 'get', 'clear'), closeTuple, fc.nat()), {
      maxLength: 60,
    })
    fc.assert(
      fc.property(steps, (script) => {
        const map = new KeyMap<number>()
        let model: [KeyTuple, number][] = []
        for (const [step, key, value] of script) {
          const found = model.find(([candidate]) => compareTuples(candidate, key) === 0)
          if (step === 'set') {
            map.set(key, value)
            if (found === undefined) model.push([key, value])
            else found[1] = value
          } else if (step === 'delete') {
            expect(map.delete(key)).toBe(found !== undefined)
            model = model.filter((entry) => entry !== found)
          } else if (step === 'clear' && value % 5 === 0) {
            map.clear()
            model = []
          }
          expect(map.get(key)).toBe(model.find(([candidate]) => compareTuples(candidate, key) === 0)?.[1])
          expect(map.size).toBe(model.length)
        }
        expect([...map]).toEqual(model)
      }),
    )
  })
})
