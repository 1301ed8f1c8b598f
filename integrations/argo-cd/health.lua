-- Health of ProviderCertificates, CertificateProviders, ClusterCertificateProviders and CertificateUploads in Argo CD;
-- docs/operations.md says how to install it. Like kstatus it goes by Ready: a Secret that can be used is healthy, whatever the provider does.
local health = { status = "Progressing", message = "Waiting for the operator to look at this." }
local status = obj.status
if status == nil or status.conditions == nil or status.observedGeneration ~= obj.metadata.generation then
  return health
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready
if ready == nil then
  return health
end
health.message = status.message or ready.message

if obj.spec.suspend then
  health.status = "Suspended"
  return health
end
if ready.status == "True" then
  health.status = "Healthy"
  return health
end

-- What passes by itself. It only excuses what is not there yet: one that has expired is degraded whatever Synced says.
local passes = {
  Pending = true,
  RateLimited = true,
  ProviderUnavailable = true,
  CertificateNotYetValid = true,
  NotYetValid = true,
}
local awaited = { SecretMissing = true, SecretInvalid = true, SpecNotMet = true, NotUploaded = true }
local cause = ready.reason
if conditions.Synced ~= nil and awaited[cause] then
  cause = conditions.Synced.reason
end
if ready.status == "False" and not passes[cause] then
  health.status = "Degraded"
end
return health
