export function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

export function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(1)}%`
}

export function milliseconds(ms: number): string {
  return ms < 100 ? ms.toFixed(2) : count(ms)
}

/** `1:02:03`, or `02:03` within the first hour. */
export function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, '0')).join(':')
  return seconds < 3600 ? parts : `${Math.floor(seconds / 3600)}:${parts}`
}

/** Tiers in the order in which a read asks them; names that are new here come last. */
export function tiersOf(ratios: readonly Readonly<Record<string, number>>[]): readonly string[] {
  const order = ['near', 'memory', 'redis', 'sqlite']
  const rank = (tier: string): number => (order.includes(tier) ? order.indexOf(tier) : order.length)
  return [...new Set(ratios.flatMap((ratio) => Object.keys(ratio)))].sort((a, b) => rank(a) - rank(b))
}
