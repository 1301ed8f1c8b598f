{{/* Values that contradict each other: one sentence each, before anything is installed. */}}
{{- define "provider-certificates.check" -}}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.leaderElection.enabled) }}
{{- fail (printf "replicaCount is %d and leaderElection.enabled is false: several replicas would all write the same Secrets. Set one of them otherwise." (int .Values.replicaCount)) }}
{{- end }}
{{- if and .Values.caBundle.configMapName .Values.caBundle.secretName }}
{{- fail "caBundle.configMapName and caBundle.secretName are both set. Set one of them." }}
{{- end }}
{{- with .Values.podDisruptionBudget }}
{{- if and (hasKey . "minAvailable") (hasKey . "maxUnavailable") }}
{{- fail "podDisruptionBudget.minAvailable and podDisruptionBudget.maxUnavailable are both set. Set one of them." }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "provider-certificates.args" -}}
- --log-level={{ .Values.logLevel }}
- --log-format={{ .Values.logFormat }}
- --concurrency={{ .Values.concurrency }}
{{- if .Values.uploads.enabled }}
- --enable-uploads
{{- end }}
{{- if .Values.leaderElection.enabled }}
- --leader-elect
- --leader-election-namespace={{ .Release.Namespace }}
- --leader-election-id={{ include "provider-certificates.fullname" . }}
{{- end }}
{{- range .Values.watchNamespaces }}
- --watch-namespace={{ . }}
{{- end }}
{{- range .Values.allowEndpoints }}
- {{ printf "--allow-endpoint=%s" . | quote }}
{{- end }}
{{- range .Values.extraArgs }}
- {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "provider-certificates.env" -}}
{{- with .Values.https_proxy }}
- name: HTTPS_PROXY
  value: {{ . | quote }}
{{- end }}
{{- with .Values.no_proxy }}
- name: NO_PROXY
  value: {{ . | quote }}
{{- end }}
{{- if or .Values.caBundle.configMapName .Values.caBundle.secretName }}
- name: NODE_EXTRA_CA_CERTS
  value: /etc/provider-certificates/ca/ca.crt
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "provider-certificates.volumeMounts" -}}
{{- if or .Values.caBundle.configMapName .Values.caBundle.secretName }}
- name: ca-bundle
  mountPath: /etc/provider-certificates/ca
  readOnly: true
{{- end }}
{{- with .Values.volumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "provider-certificates.volumes" -}}
{{- with .Values.caBundle }}
{{- if .configMapName }}
- name: ca-bundle
  configMap:
    name: {{ .configMapName }}
    items:
      - key: {{ .key | quote }}
        path: ca.crt
{{- else if .secretName }}
- name: ca-bundle
  secret:
    secretName: {{ .secretName }}
    items:
      - key: {{ .key | quote }}
        path: ca.crt
{{- end }}
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "provider-certificates.podAnnotations" -}}
{{- if and .Values.prometheus.enabled (not (include "provider-certificates.monitored" .)) }}
prometheus.io/scrape: "true"
prometheus.io/port: "8080"
prometheus.io/path: /metrics
{{- end }}
{{- with .Values.podAnnotations }}
{{ toYaml . }}
{{- end }}
{{- end -}}
