import { METHODS } from 'node:http'
import type { FastifyInstance } from 'fastify'
import { ApiError } from './api-error.ts'

/** Paths, and what may be done with each. */
export type Routes = Readonly<Record<string, readonly string[]>>

/** Of an instance. */
export const ROUTES: Routes = {
  '/places': ['GET', 'HEAD'],
  '/places/:id': ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE'],
  '/places/:id/explain': ['GET', 'HEAD'],
  '/countries/:country': ['GET', 'HEAD'],
  '/changes': ['GET'],
  '/healthz': ['GET', 'HEAD'],
  '/stats': ['GET', 'HEAD'],
}

/** Of an instance without the file: it cannot write, nor list what there is. */
export const READER_ROUTES: Routes = {
  '/places/:id': ['GET', 'HEAD'],
  '/changes': ROUTES['/changes']!,
  '/healthz': ROUTES['/healthz']!,
  '/stats': ROUTES['/stats']!,
}

/** Answers what no route does: another method is 405 with `Allow`, another path 404 with the paths there are. */
export function refuseTheRest(app: FastifyInstance, routes: Routes): void {
  // CONNECT asks for a host and never for a path.
  const methods = METHODS.filter((method) => method !== 'CONNECT')
  for (const method of methods) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method)
  for (const [url, allowed] of Object.entries(routes)) {
    app.route({
      url,
      method: methods.filter((method) => !allowed.includes(method)),
      // Before the body is looked at: what is wrong is the method.
      onRequest: async (request) => {
        throw new ApiError(
          405,
          'METHOD_NOT_ALLOWED',
          `${request.method} is not possible here; use ${allowed.join(', ')}`,
          {
            details: { allowed },
            headers: { allow: allowed.join(', ') },
          },
        )
      },
      handler: async () => undefined,
    })
  }
  app.setNotFoundHandler((request) => {
    throw new ApiError(404, 'UNKNOWN_PATH', `there is no ${request.url}`, { details: { paths: Object.keys(routes) } })
  })
}
