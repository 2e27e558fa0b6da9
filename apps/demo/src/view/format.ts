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

const TIER_ORDER = ['near', 'redis', 'sqlite']

/** The tiers in the order in which a read asks them; others come last. */
export function tiersOf(ratio: Readonly<Record<string, number>>): readonly string[] {
  const rank = (tier: string): number => (TIER_ORDER.includes(tier) ? TIER_ORDER.indexOf(tier) : TIER_ORDER.length)
  return Object.keys(ratio).toSorted((a, b) => rank(a) - rank(b))
}
