/** What a conditional request demands of the place as it is now. */
export type Precondition =
  /** `If-Match: *` */
  | { readonly is: 'present' }
  /** `If-None-Match: *` */
  | { readonly is: 'absent' }
  /** `If-Match: "7", "9"` */
  | { readonly is: 'one-of'; readonly versions: readonly number[] }

/** The place is not what the request demands. Nothing was written. */
export class PreconditionFailedError extends Error {
  override readonly name = 'PreconditionFailedError'
  /** 0: the place does not exist. */
  readonly currentVersion: number

  constructor(currentVersion: number) {
    super(currentVersion === 0 ? 'the place does not exist' : `the place is at version ${currentVersion}`)
    this.currentVersion = currentVersion
  }
}

/** @throws PreconditionFailedError */
export function assertPrecondition(precondition: Precondition | undefined, currentVersion: number): void {
  if (precondition !== undefined && !holds(precondition, currentVersion)) {
    throw new PreconditionFailedError(currentVersion)
  }
}

function holds(precondition: Precondition, version: number): boolean {
  switch (precondition.is) {
    case 'present':
      return version > 0
    case 'absent':
      return version === 0
    case 'one-of':
      return version > 0 && precondition.versions.includes(version)
  }
}
