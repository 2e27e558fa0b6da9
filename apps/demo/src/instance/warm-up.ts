import type { Tidemark, WarmProgress } from 'tidemark'

/** Fills fronts with the places, before there is traffic. @returns the last progress, or undefined when it was cut short at once */
export function warmUp(
  store: Tidemark,
  options: { readonly tiers?: readonly string[]; readonly signal?: AbortSignal } | undefined,
  onProgress: (progress: WarmProgress) => void,
): Promise<WarmProgress | undefined> {
  return new Promise((resolve, reject) => {
    let last: WarmProgress | undefined
    store.warm({ ...options, prefix: ['place'] }).subscribe({
      next(progress) {
        last = progress
        onProgress(progress)
      },
      error: reject,
      complete: () => resolve(last),
    })
  })
}
