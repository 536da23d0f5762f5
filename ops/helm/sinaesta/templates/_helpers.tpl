{{- define "sinaesta.labels" -}}
app.kubernetes.io/part-of: sinaesta
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "sinaesta.secret" -}}
{{ default (printf "%s-secrets" .Release.Name) .Values.secrets.existing }}
{{- end }}

{{- define "sinaesta.natsUrl" -}}
{{- if .Values.nats.url -}}
{{ .Values.nats.url }}
{{- else -}}
{{ ternary "tls" "nats" (ne .Values.nats.tlsSecret "") }}://{{ .Release.Name }}-nats:4222
{{- end -}}
{{- end }}

{{/* Name of an image: (dict "root" $ "name" "chat") */}}
{{- define "sinaesta.image" -}}
{{- $image := .root.Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end -}}
sinaesta-{{ .name }}:{{ default .root.Chart.AppVersion $image.tag }}
{{- end }}

{{/* What every container of ours is held to. */}}
{{- define "sinaesta.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end }}

{{- define "sinaesta.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{/* What the services need to find and enter the broker. (dict "root" $ "user" "chat") */}}
{{- define "sinaesta.natsEnvironment" -}}
- name: SINAESTA__NATS__URL
  value: {{ include "sinaesta.natsUrl" .root }}
- name: SINAESTA__NATS__PASSWORD
  valueFrom:
    secretKeyRef: { name: {{ include "sinaesta.secret" .root }}, key: nats-password-{{ .user }} }
{{- if .root.Values.nats.tlsSecret }}
- name: SINAESTA__NATS__TLS_CA_FILE
  value: /etc/nats-tls/ca.crt
{{- end }}
{{- if and .root.Values.nats.enabled (ge (int .root.Values.nats.replicas) 3) }}
- name: SINAESTA__NATS__STREAM_REPLICAS
  value: "3"
{{- end }}
{{- end }}
