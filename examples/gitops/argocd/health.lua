local hs = { status = "Progressing", message = "Waiting for the operator to report status" }
if obj.status == nil then return hs end
local ready, reconciling, stalled, paused
for _, c in ipairs(obj.status.conditions or {}) do
  if c.type == "Ready" then ready = c end
  if c.type == "Reconciling" and c.status == "True" then reconciling = c end
  if c.type == "Stalled" and c.status == "True" then stalled = c end
  if c.type == "Paused" and c.status == "True" then paused = c end
end
if paused ~= nil then hs.status = "Suspended"; hs.message = paused.message; return hs end
if obj.status.observedGeneration ~= obj.metadata.generation then
  hs.message = "Waiting for the latest spec to be observed"; return hs
end
if stalled ~= nil then hs.status = "Degraded"; hs.message = stalled.reason .. ": " .. stalled.message; return hs end
if reconciling ~= nil then hs.message = reconciling.message; return hs end
if ready ~= nil and ready.status == "True" then hs.status = "Healthy"; hs.message = ready.message; return hs end
if ready ~= nil then hs.message = ready.message end
return hs
