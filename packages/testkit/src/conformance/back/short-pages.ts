import type { Back, KeyRange, ScanOptions } from '@tidemark/core'

/** Has the pages of a back tier end early, as those of large entries do: who takes one for the last one loses the rest. */
export function shortPages<B extends Back>(back: B, most = 4): B {
  for (const scanned of [back, back.sync]) {
    if (scanned === undefined) continue
    const [scan, scanKeys] = [scanned.scan, scanned.scanKeys].map((page) => {
      const whole = page.bind(scanned) as (range: KeyRange, options: ScanOptions) => unknown
      return (range: KeyRange, options: ScanOptions) =>
        whole(range, { ...options, limit: Math.min(options.limit, most) })
    })
    Object.assign(scanned, { scan, scanKeys })
  }
  return back
}
