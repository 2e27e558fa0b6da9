import { WideMap } from './wide-map.ts'
import { WideSet } from './wide-set.ts'

export function isWide(value: object): boolean {
  return WideMap.of(value) !== undefined || WideSet.of(value) !== undefined
}
