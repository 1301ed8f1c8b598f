{{- define "provider-certificates.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* Name of most objects. Room is left for what some append. */}}
{{- define "provider-certificates.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 47 | trimSuffix "-" -}}
{{- else if contains (include "provider-certificates.name" .) .Release.Name -}}
{{- .Release.Name | trunc 47 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name (include "provider-certificates.name" .) | trunc 47 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What pods are selected by: never to be changed, as the selector of a Deployment cannot be. */}}
{{- define "provider-certificates.selectorLabels" -}}
app.kubernetes.io/name: {{ include "provider-certificates.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "provider-certificates.labels" -}}
{{ include "provider-certificates.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.global.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "provider-certificates.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "provider-certificates.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "provider-certificates.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ default $.Chart.AppVersion .tag }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "provider-certificates.subjects" -}}
- kind: ServiceAccount
  name: {{ include "provider-certificates.serviceAccountName" . }}
  namespace: {{ .Release.Namespace }}
{{- end -}}

{{/* "True" when both ServiceMonitor and what it needs are wanted. */}}
{{- define "provider-certificates.monitored" -}}
{{- if and .Values.prometheus.enabled .Values.prometheus.servicemonitor.enabled }}True{{ end -}}
{{- end -}}
