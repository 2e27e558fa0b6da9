/** One rule of the production code, and what stands there instead of it. */
export interface BrokenCode {
  readonly name: string
  /** How the address of the built module ends. */
  readonly module: string
  readonly rule: string
  readonly broken: string
}

/** Names the rule that is broken in a process that was started with break-code.ts. */
export const BROKEN_CODE_VARIABLE = 'TIDEMARK_BROKEN_CODE'

/** Rules that nothing below the ports can break. */
export const BROKEN_CODE: readonly BrokenCode[] = [
  {
    // The certificate of a read is not looked at again when its answer comes.
    name: 'late-answers-served',
    module: 'tiered/dist/shared/front-link.js',
    rule: 'if (clock.monotonic() >= certificate.validUntil)',
    broken: 'if (false)',
  },
  {
    // A new session is certified by what was known of the back tier before it began.
    name: 'proofs-of-former-sessions',
    module: 'tiered/dist/shared/front-follower.js',
    rule: 'coveredBy(watermark, this.#sessionSince,',
    broken: 'coveredBy(watermark, 0,',
  },
  {
    // What a process has read and written is forgotten.
    name: 'required-versions-forgotten',
    module: 'tiered/dist/shared/required-versions.js',
    rule: 'return Math.max(this.#floor, this.#versions.get(id) ?? 0)',
    broken: 'return 0',
  },
  {
    // Who acknowledges strictly waits for its own bound, and not for those of others.
    name: 'bounds-of-others-ignored',
    module: 'tiered/dist/shared/front-link.js',
    rule: 'Math.max(maxStaleMs, agreement.waitMs)',
    broken: 'maxStaleMs',
  },
  {
    // What several tiers say of several keys is put together as it comes.
    name: 'moments-mixed',
    module: 'tiered/dist/one-moment.js',
    rule: 'return latest <= until',
    broken: 'return true',
  },
  {
    // Whoever asks gets what is being loaded, however long ago that began.
    name: 'loads-joined-late',
    module: 'core/dist/load/loading.js',
    rule: 'if (ticket < answer.landing.until)',
    broken: 'if (true)',
  },
]
