import type { Clock } from '../clock.ts'
import type { Codec } from '../codec/codec.ts'
import { userKey } from '../keys/reserved.ts'
import { assertKnown, listOf } from '../options/checks.ts'
import type { SetWrite } from '../ports/back.ts'
import { type Item, SET_OPTIONS, toSetWrite } from './write-options.ts'

const EXAMPLE = "[['a', 1], [['user', 1], { name: 'Ada' }]]"

/** The writes of a `setMany`. @throws TypeError for what is no list of items, or no item, and as `toSetWrite` */
export function itemWrites(codec: Codec, clock: Clock, items: Iterable<Item>): readonly SetWrite[] {
  return Array.from(listOf('the items of setMany', items, EXAMPLE), (item) => {
    if (!Array.isArray(item)) throw new TypeError(`an item of setMany is [key, value, options?], not ${typeof item}`)
    const [key, value, options] = item as Item
    if (options !== undefined) assertKnown(options, SET_OPTIONS, 'an item of setMany')
    return toSetWrite(codec, clock, userKey(key), value, options)
  })
}
