import type { Back, KeyRange, ScanOptions } from '@tidemark/core'

/** Has the pages of a back tier end early, as those of large entries do: who takes one for the last one loses the rest. */
export function shortPages<B extends Back>(back: B, most = 4): B {
  for (const scanned of [back, back.sync]) {
    if (scanned === undefined) continue
    const scan = scanned.scan.bind(scanned) as (range: never, options: ScanOptions) => never
    const short = (range: never, options: ScanOptions): never =>
      scan(range, { ...options, limit: Math.min(options.limit, most) })
    Object.assign(scanned, { scan: short })
  }
  const scanKeys = back.scanKeys.bind(back)
  Object.assign(back, {
    scanKeys: (range: KeyRange, options: ScanOptions) =>
      scanKeys(range, { ...options, limit: Math.min(options.limit, most) }),
  })
  return back
}
