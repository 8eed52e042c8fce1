{{/* One rule of a NetworkPolicy, of a dict with peers (empty = everybody), direction (from, to) and ports of TCP. */}}
{{- define "callfold.rule" -}}
- ports:
    {{- range .ports }}
    - port: {{ . }}
    {{- end }}
  {{- with .peers }}
  {{ $.direction }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}

{{/* The way to names and to the brokers. */}}
{{- define "callfold.kafkaRules" -}}
{{- $policy := .Values.networkPolicy -}}
- ports:
    {{- range $policy.dns.ports }}
    - {port: {{ . }}, protocol: UDP}
    - {port: {{ . }}, protocol: TCP}
    {{- end }}
  {{- with $policy.dns.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- $ports := $policy.kafka.ports }}
{{- range splitList "," (include "callfold.setting" (list . "kafka.brokers")) }}
{{- $ports = append $ports (splitList ":" . | last | int) }}
{{- end }}
{{ include "callfold.rule" (dict "peers" $policy.kafka.to "direction" "to" "ports" (uniq $ports)) }}
{{- end -}}
