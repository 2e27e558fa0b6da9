import { TidemarkError } from 'tidemark'
import { InvalidPlaceError } from '../places/place.ts'
import { UnknownPlaceError } from '../places/places.ts'
import { PreconditionFailedError } from '../places/precondition.ts'
import { ApiError } from './api-error.ts'
import { versionTag } from './etag.ts'

/** What a client is told about an error of the store or of the places; undefined: nothing, since it is a fault of ours. */
export function toApiError(error: unknown): ApiError | undefined {
  if (error instanceof ApiError) return error
  if (error instanceof UnknownPlaceError) return new ApiError(404, 'UNKNOWN_PLACE', error.message)
  if (error instanceof InvalidPlaceError) {
    return new ApiError(422, 'INVALID_PLACE', error.message, { details: { problems: error.problems } })
  }
  if (error instanceof PreconditionFailedError) {
    const { currentVersion, message } = error
    return new ApiError(412, 'PRECONDITION_FAILED', `${message}; read it again and retry`, {
      details: { currentVersion },
      headers: currentVersion === 0 ? {} : { etag: versionTag(currentVersion) },
    })
  }
  return error instanceof TidemarkError ? fromStore(error) : undefined
}

/** A token that leads nowhere is the client's to replace; a store that is busy is worth another try. */
function fromStore(error: TidemarkError): ApiError | undefined {
  switch (error.code) {
    case 'TOKEN_INVALID':
    case 'TOKEN_TOO_NEW':
      return new ApiError(400, error.code, error.message)
    case 'TOKEN_FOREIGN':
    case 'LOG_AHEAD':
    case 'LOG_DIVERGED':
    case 'LOG_EPOCH_CHANGED':
      return new ApiError(409, error.code, error.message)
    case 'LOG_COMPACTED':
      return new ApiError(410, error.code, error.message)
    // Places that changed under a transaction at every attempt: as busy as a locked file.
    case 'CONFLICT':
    case 'BUSY':
    case 'CLOSED':
    // Only of the instance that has nothing else: another one may know.
    case 'FRONT_UNAVAILABLE':
    case 'NOT_HELD':
      return new ApiError(503, error.code, error.message, { headers: { 'retry-after': '1' } })
    default:
      return undefined
  }
}
