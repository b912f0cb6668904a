{{- define "avni-messenger.labels" -}}
app.kubernetes.io/name: avni-messenger
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "avni-messenger.selector" -}}
app.kubernetes.io/name: avni-messenger
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "avni-messenger.secret" -}}
{{ .Values.existingSecret | default .Release.Name }}
{{- end }}
