/** What the loaders of the simulation throw. */
export class LoaderFailure extends Error {
  override readonly name = 'LoaderFailure'
  readonly run: number

  constructor(run: number) {
    super(`run ${run} of a loader failed`)
    this.run = run
  }
}
