{{/*
The pod template of a component that runs for ever, of a dict with
  root       $
  component  its name, which is also where its values are
  args       what the program is told
  needs      the groups of secrets that it reads
  state      optional: the path of its volume, which is called state
  webhook    optional: it listens for webhooks too
*/}}
{{- define "callfold.podTemplate" -}}
{{- $root := .root -}}
{{- $values := index $root.Values .component -}}
metadata:
  labels:
    {{- include "callfold.selectorLabels" (list $root .component) | nindent 4 }}
    {{- with mustMerge (dict) $values.podLabels $root.Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/settings: {{ include "callfold.settings" $root | sha256sum }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  {{- include "callfold.podBasics" (dict "root" $root "serviceAccount" (include "callfold.serviceAccountName" $root)) | nindent 2 }}
  terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
  {{- with $values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if $values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range $values.topologySpreadConstraints }}
    - {{- toYaml . | nindent 6 }}
      labelSelector:
        matchLabels:
          {{- include "callfold.selectorLabels" (list $root $.component) | nindent 10 }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .component }}
      {{- include "callfold.containerBasics" $root | nindent 6 }}
      args:
        {{- range concat .args (list "--config" "/etc/callfold/settings/callfold.yaml") }}
        - {{ . | toString | quote }}
        {{- end }}
      env:
        {{- include "callfold.env" (dict "root" $root "values" $values) | nindent 8 }}
      ports:
        {{- if .webhook }}
        - name: webhook
          containerPort: 8080
        {{- end }}
        - name: admin
          containerPort: 9464
      startupProbe:
        httpGet: {path: /healthz, port: admin}
        {{- toYaml $values.startupProbe | nindent 8 }}
      livenessProbe:
        httpGet: {path: /healthz, port: admin}
        {{- toYaml $values.livenessProbe | nindent 8 }}
      readinessProbe:
        httpGet: {path: /readyz, port: admin}
        {{- toYaml $values.readinessProbe | nindent 8 }}
      {{- with $values.preStopSeconds }}
      lifecycle:
        preStop:
          sleep:
            seconds: {{ . }}
      {{- end }}
      resources:
        {{- toYaml $values.resources | nindent 8 }}
      volumeMounts:
        {{- include "callfold.mounts" . | nindent 8 }}
        {{- with .state }}
        - name: state
          mountPath: {{ . }}
        {{- end }}
  volumes:
    {{- include "callfold.volumes" (dict "root" $root "needs" .needs "settings" (include "callfold.fullname" $root)) | nindent 4 }}
{{- end -}}

{{/* What all pods have in common, of (dict "root" $ "serviceAccount" "name"). */}}
{{- define "callfold.podBasics" -}}
serviceAccountName: {{ .serviceAccount }}
automountServiceAccountToken: false
# The variables that Kubernetes sets for each Service begin with CALLFOLD_ too.
enableServiceLinks: false
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  {{- with .root.Values.podSecurityContext }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "callfold.containerBasics" -}}
image: {{ include "callfold.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* The environment of a container, of (dict "root" $ "values" VALUES), with resources and extraEnv, which goes before the chart's. */}}
{{- define "callfold.env" -}}
{{- $own := list -}}
{{- range .values.extraEnv -}}{{- $own = append $own .name -}}{{- end -}}
{{- $env := list -}}
{{- $memory := include "callfold.goMemLimit" (dig "limits" "memory" "" .values.resources) -}}
{{- if and $memory (not (has "GOMEMLIMIT" $own)) -}}
{{- $env = append $env (dict "name" "GOMEMLIMIT" "value" $memory) -}}
{{- end -}}
{{- /* Not SSL_CERT_FILE: it takes the place of the file with the image's roots, which Salesforce needs. */ -}}
{{- if and (include "callfold.trustedCAs" .root) (not (has "SSL_CERT_DIR" $own)) -}}
{{- $env = append $env (dict "name" "SSL_CERT_DIR" "value" (include "callfold.trustedDir" .root)) -}}
{{- end -}}
{{- concat $env .values.extraEnv | toYaml -}}
{{- end -}}

{{/* The ConfigMap of authorities; empty without one. Values that an upgrade reuses from before there was one have no section. */}}
{{- define "callfold.trustedCAs" -}}{{ (.Values.trustedCAs).existingConfigMap | default "" }}{{- end -}}

{{/* Where they are mounted. */}}
{{- define "callfold.trustedDir" -}}/etc/callfold/trusted{{- end -}}

{{/* The mounts of callfold.volumes, of the same dict. */}}
{{- define "callfold.mounts" -}}
- name: settings
  mountPath: /etc/callfold/settings
  readOnly: true
{{- if include "callfold.secretSources" . }}
- name: secrets
  mountPath: {{ include "callfold.secretsDir" .root }}
  readOnly: true
{{- end }}
{{- if include "callfold.trustedCAs" .root }}
- name: trusted
  mountPath: {{ include "callfold.trustedDir" .root }}
  readOnly: true
{{- end }}
- name: tmp
  mountPath: /tmp
{{- end -}}

{{/*
The volumes of a pod but for its state, of a dict with root, needs and optional as for
callfold.secretSources, and settings, the name of the ConfigMap.
*/}}
{{- define "callfold.volumes" -}}
- name: settings
  configMap:
    name: {{ .settings }}
    items:
      - {key: callfold.yaml, path: callfold.yaml}
{{- with include "callfold.secretSources" . }}
- name: secrets
  projected:
    # Read by the group of the pod's fsGroup, and nobody else.
    defaultMode: 0440
    sources:
      {{- . | trim | nindent 6 }}
{{- end }}
{{- with include "callfold.trustedCAs" .root }}
- name: trusted
  configMap:
    name: {{ . | quote }}
    {{- if $.optional }}
    optional: true
    {{- end }}
    items:
      - {key: {{ $.root.Values.trustedCAs.key | default "ca.crt" | quote }}, path: ca.crt}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: 1Gi
{{- end -}}
