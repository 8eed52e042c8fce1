{{/*
A setting by its key, of (list $ "kafka.tls.enabled"), as text: empty where the values do
not set it, the items of a list with commas.
*/}}
{{- define "callfold.setting" -}}
{{- $at := (index . 0).Values.settings -}}
{{- range splitList "." (index . 1) -}}
{{- if kindIs "map" $at -}}{{- $at = get $at . -}}{{- else -}}{{- $at = "" -}}{{- end -}}
{{- end -}}
{{- if kindIs "slice" $at -}}{{ join "," $at }}{{- else if not (kindIs "invalid" $at) -}}{{ $at }}{{- end -}}
{{- end -}}

{{/* Where secrets are mounted. */}}
{{- define "callfold.secretsDir" -}}/etc/callfold/secrets{{- end -}}

{{/* The settings that are the chart's: where things are in a pod. */}}
{{- define "callfold.chartSettings" -}}
{{- $secrets := include "callfold.secretsDir" . -}}
admin:
  listen: ":9464"
ingest:
  listen: ":8080"
  tokens_file: {{ $secrets }}/webhook-tokens
  {{- if .Values.ingest.journal.enabled }}
  journal_dir: /var/lib/callfold/ingest
  {{- end }}
processor:
  state_dir: /var/lib/callfold/processor
sink:
  state_dir: /var/lib/callfold/sink
{{- if or .Values.secrets.kafkaCA.existingSecret .Values.secrets.kafkaClient.existingSecret .Values.secrets.kafkaPassword.existingSecret }}
kafka:
  {{- if or .Values.secrets.kafkaCA.existingSecret .Values.secrets.kafkaClient.existingSecret }}
  tls:
    {{- if .Values.secrets.kafkaCA.existingSecret }}
    ca_file: {{ $secrets }}/kafka-ca.crt
    {{- end }}
    {{- if .Values.secrets.kafkaClient.existingSecret }}
    cert_file: {{ $secrets }}/kafka-client.crt
    key_file: {{ $secrets }}/kafka-client.key
    {{- end }}
  {{- end }}
  {{- if .Values.secrets.kafkaPassword.existingSecret }}
  sasl:
    password_file: {{ $secrets }}/kafka-password
  {{- end }}
{{- end }}
salesforce:
  auth:
    {{- if eq (include "callfold.setting" (list . "salesforce.auth.flow")) "client_credentials" }}
    client_secret_file: {{ $secrets }}/salesforce
    {{- else }}
    private_key_file: {{ $secrets }}/salesforce
    {{- end }}
{{- if .Values.secrets.aircallAPI.existingSecret }}
aircall:
  api_token_file: {{ $secrets }}/aircall-api-token
  state_dir: /var/lib/callfold/backfill
{{- end }}
{{- end -}}

{{/* The settings file. */}}
{{- define "callfold.settings" -}}
{{- mustMergeOverwrite (deepCopy .Values.settings) (include "callfold.chartSettings" . | fromYaml) | toYaml -}}
{{- end -}}

{{/* Keys that belong to the chart, or must not be in a ConfigMap, and what sets them. */}}
{{- define "callfold.chartKeys" -}}
kafka.instance: each pod is named after itself
kafka.tls.ca_file: use secrets.kafkaCA
kafka.tls.cert_file: use secrets.kafkaClient
kafka.tls.key_file: use secrets.kafkaClient
kafka.sasl.password_file: use secrets.kafkaPassword
ingest.listen: the port is 8080
ingest.tokens: use secrets.webhookTokens
ingest.tokens_file: use secrets.webhookTokens
ingest.journal_dir: use ingest.journal
processor.state_dir: it is the pod's volume
sink.state_dir: it is the pod's volume
salesforce.auth.private_key_file: use secrets.salesforce
salesforce.auth.client_secret_file: use secrets.salesforce
aircall.api_token_file: use secrets.aircallAPI
aircall.state_dir: it is the pod's volume
admin.listen: the port is 9464
{{- end -}}

{{/* The secrets of a pod as sources of a projected volume, of (dict "root" $ "needs" (list "kafka" …) "optional" false). */}}
{{- define "callfold.secretSources" -}}
{{- $secrets := .root.Values.secrets -}}
{{- $optional := .optional -}}
{{- if has "webhook" .needs }}
{{- include "callfold.secretSource" (dict "name" $secrets.webhookTokens.existingSecret "optional" $optional "items" (dict "webhook-tokens" $secrets.webhookTokens.key)) }}
{{- end }}
{{- if has "kafka" .needs }}
{{- include "callfold.secretSource" (dict "name" $secrets.kafkaCA.existingSecret "optional" $optional "items" (dict "kafka-ca.crt" $secrets.kafkaCA.key)) }}
{{- include "callfold.secretSource" (dict "name" $secrets.kafkaClient.existingSecret "optional" $optional "items" (dict "kafka-client.crt" $secrets.kafkaClient.certKey "kafka-client.key" $secrets.kafkaClient.keyKey)) }}
{{- include "callfold.secretSource" (dict "name" $secrets.kafkaPassword.existingSecret "optional" $optional "items" (dict "kafka-password" $secrets.kafkaPassword.key)) }}
{{- end }}
{{- if has "salesforce" .needs }}
{{- include "callfold.secretSource" (dict "name" $secrets.salesforce.existingSecret "optional" $optional "items" (dict "salesforce" $secrets.salesforce.key)) }}
{{- end }}
{{- if has "aircall" .needs }}
{{- include "callfold.secretSource" (dict "name" $secrets.aircallAPI.existingSecret "optional" $optional "items" (dict "aircall-api-token" $secrets.aircallAPI.key)) }}
{{- end }}
{{- end -}}

{{- define "callfold.secretSource" -}}
{{- if .name }}
- secret:
    name: {{ .name }}
    {{- if .optional }}
    optional: true
    {{- end }}
    items:
      {{- range $path, $key := .items }}
      - key: {{ $key | quote }}
        path: {{ $path }}
      {{- end }}
{{- end }}
{{- end -}}
