import { addresses, shownAddresses } from './keys.js'
import { Closed, Int, Secret, Type } from './types.js'
import { Login } from './users.js'

const id = Type.Optional({ ...Login, description: 'login of the panel user; you yourself unless given' })
const apiId = Type.String({ description: 'public id of the key: the api_key of a message' })
const nullable = (description: string) => Type.Union([Type.Integer(), Type.Null()], { description })

export const ApiAccessRef = Closed({ id })

export const ApiAccess = Closed({
  enabled: Type.Boolean({ description: 'whether its key can sign now' }),
  api_id: Type.Union([Type.String(), Type.Null()], { description: 'null before it was first turned on' }),
  whitelist: shownAddresses('where the key may be used from; empty is anywhere'),
  created_at: nullable('Unix seconds'),
  last_used_at: nullable('Unix seconds'),
})

export const OpenedAccess = Closed({ api_id: apiId, secret: Secret('the signing secret, shown once') })

export const RegenerateAccess = Closed({
  id,
  grace: Type.Optional(
    Int(0, 31_536_000, 'seconds that the old secret goes on working, 3600 unless given; 0 ends it now'),
  ),
})
export const RegeneratedAccess = Closed({
  api_id: apiId,
  secret: Secret('the new signing secret, shown once'),
  old_secret_until: Type.Integer({ description: 'Unix seconds' }),
})

export const WhitelistAccess = Closed({ id, ips: addresses('where the key may be used from; empty is anywhere') })
export const WhitelistedAccess = Closed({ whitelist: shownAddresses() })
