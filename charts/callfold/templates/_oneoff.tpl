{{/* The spec of a pod that ends by itself, but for its containers and volumes, of (dict "root" $ "values" VALUES). */}}
{{- define "callfold.oneOffPod" -}}
{{ include "callfold.podBasics" (dict "root" .root "serviceAccount" (include "callfold.hookServiceAccountName" .root)) }}
restartPolicy: Never
terminationGracePeriodSeconds: 30
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A container of such a pod, of a dict with root, values, args, and volumes as for callfold.volumes. */}}
{{- define "callfold.oneOff" -}}
{{ include "callfold.containerBasics" .root }}
args:
  {{- range concat .args (list "--config" "/etc/callfold/settings/callfold.yaml") }}
  - {{ . | quote }}
  {{- end }}
env:
  {{- include "callfold.env" (dict "root" .root "values" .values) | nindent 2 }}
resources:
  {{- toYaml .values.resources | nindent 2 }}
volumeMounts:
  {{- include "callfold.mounts" .volumes | nindent 2 }}
{{- end -}}
