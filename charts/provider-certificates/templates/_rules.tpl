{{/*
What the operator needs wherever there are certificates. Called with a list of our kinds: providercertificates,
certificateproviders and, for the whole cluster, clustercertificateproviders.
*/}}
{{- define "provider-certificates.rules" -}}
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch, create, patch]
- apiGroups: [""]
  resources: [events]
  verbs: [create, patch]
- apiGroups: [provider-certificates.io]
  resources: [{{ join ", " . }}]
  verbs: [get, list, watch]
- apiGroups: [provider-certificates.io]
  resources: [{{ join "/status, " . }}/status]
  verbs: [patch]
# For the owner reference of a Secret with deletionPolicy Delete.
- apiGroups: [provider-certificates.io]
  resources: [providercertificates/finalizers]
  verbs: [update]
{{- end -}}

{{/* And this in the same place when it uploads. */}}
{{- define "provider-certificates.upload-rules" -}}
- apiGroups: [provider-certificates.io]
  resources: [certificateuploads]
  verbs: [get, list, watch]
- apiGroups: [provider-certificates.io]
  resources: [certificateuploads/status]
  verbs: [patch]
{{- end -}}
